-- A tenant names its quota plan and its environment, '' for none; both are documents.
ALTER TABLE tenants ADD COLUMN plan VARCHAR(100) NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN environment VARCHAR(100) NOT NULL DEFAULT '';
