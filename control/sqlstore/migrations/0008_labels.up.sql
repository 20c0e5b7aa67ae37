-- Labels are sorted lines key=value in one text.
ALTER TABLE tenants ADD COLUMN labels TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN labels TEXT NOT NULL DEFAULT '';
ALTER TABLE topics ADD COLUMN labels TEXT NOT NULL DEFAULT '';
ALTER TABLE consumer_groups ADD COLUMN labels TEXT NOT NULL DEFAULT '';
