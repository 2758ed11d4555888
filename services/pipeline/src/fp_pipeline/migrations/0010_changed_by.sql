-- Who made the present revision (ADR 0209); empty while nobody changed the pipeline since it was made, or since code of
-- before did. The revision grows with each change from now on, not with that of the steps alone: each has its steps.
ALTER TABLE pipelines ADD COLUMN changed_by text NOT NULL DEFAULT '';
