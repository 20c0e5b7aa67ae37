-- Proxies hand out nothing to a group that is paused.
ALTER TABLE consumer_groups ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
