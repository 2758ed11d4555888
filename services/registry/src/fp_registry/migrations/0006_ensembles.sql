-- The versions that an ensemble is made of, with what was known of them when it was taken; see ADR 0238.
ALTER TABLE versions ADD COLUMN members jsonb NOT NULL DEFAULT '[]';
