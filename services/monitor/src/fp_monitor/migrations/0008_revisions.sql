-- What a change of what is watched expects (ADR 0209). revision: grows with each change. configured_by: who made the
-- present one; empty when that was code of before.
ALTER TABLE monitors
    ADD COLUMN revision      bigint NOT NULL DEFAULT 1,
    ADD COLUMN configured_by text   NOT NULL DEFAULT '';
