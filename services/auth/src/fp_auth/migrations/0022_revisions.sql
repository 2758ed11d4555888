-- What a change of a team or of a team's role expects (ADR 0209). revision: grows with each change. changed_by: who made
-- the present one; empty while nobody changed it since it was made, or since code of before did.
ALTER TABLE teams
    ADD COLUMN revision   bigint NOT NULL DEFAULT 1,
    ADD COLUMN changed_by text   NOT NULL DEFAULT '';

ALTER TABLE team_roles
    ADD COLUMN revision   bigint NOT NULL DEFAULT 1,
    ADD COLUMN changed_by text   NOT NULL DEFAULT '';
