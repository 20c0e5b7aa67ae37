-- Topics and groups that were taken over from their cluster, which had them before: what was is known by its note.
ALTER TABLE topics ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE consumer_groups ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
UPDATE topics SET taken = 1 WHERE note = 'taken over as it was';
UPDATE consumer_groups SET taken = 1 WHERE note = 'taken over as it was';
