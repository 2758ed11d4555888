-- A deleted pipeline leaves every list; its name stays taken, and its executions keep their steps.
-- Code of before lists it and can start it: nothing breaks.

ALTER TABLE pipelines ADD COLUMN deleted_at timestamptz;

-- Who starts this one when it ends; few pipelines have a follower.
CREATE INDEX pipelines_starting ON pipelines (then_pipeline_id) WHERE then_pipeline_id IS NOT NULL;
