ALTER TABLE consumer_groups DROP COLUMN taken;
ALTER TABLE topics DROP COLUMN taken;
