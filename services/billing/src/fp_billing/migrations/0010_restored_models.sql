-- A model that was archived can come back: its month is then 'infinity'. told_at: of the archive or the return that was
-- told last, since the two may be handled in any order; '-infinity' in rows from before this file.
ALTER TABLE archived_models ADD COLUMN told_at timestamptz NOT NULL DEFAULT '-infinity';
