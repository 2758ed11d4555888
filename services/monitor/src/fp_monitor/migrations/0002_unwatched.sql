-- Predictions of other versions since the last one of the version in production, and the version of the last of them.
ALTER TABLE monitors
    ADD COLUMN unwatched bigint NOT NULL DEFAULT 0,
    ADD COLUMN unwatched_version text NOT NULL DEFAULT '';
