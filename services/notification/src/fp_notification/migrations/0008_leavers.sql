-- People who may not come in hear nothing, however long that lasts. revision: of the newest word about the person, so
-- that one that comes again later changes nothing.
ALTER TABLE recipients
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN identity_revision bigint NOT NULL DEFAULT 0;
