ALTER TABLE tenants DROP COLUMN environment;
ALTER TABLE tenants DROP COLUMN plan;
