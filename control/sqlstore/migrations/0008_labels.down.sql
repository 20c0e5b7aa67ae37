ALTER TABLE tenants DROP COLUMN labels;
ALTER TABLE applications DROP COLUMN labels;
ALTER TABLE topics DROP COLUMN labels;
ALTER TABLE consumer_groups DROP COLUMN labels;
