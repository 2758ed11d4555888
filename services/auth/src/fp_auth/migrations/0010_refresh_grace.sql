-- The token that this one replaced: for a moment an unused successor may be replaced once more, since a lost answer and two
-- tabs that wake up at once looked like a theft and ended the session.
ALTER TABLE refresh_tokens ADD COLUMN predecessor bytea;

CREATE INDEX refresh_tokens_replacing ON refresh_tokens (predecessor) WHERE predecessor IS NOT NULL;
