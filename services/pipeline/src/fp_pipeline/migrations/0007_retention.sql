-- What ages out is found by an index of its age: a bite reads what it deletes and nothing else.

CREATE INDEX deployments_of_execution ON deployments (execution_id);
CREATE INDEX deployments_gone ON deployments (stop_at) WHERE state = 'GONE';
-- Whether an old revision still has an execution.
CREATE INDEX executions_of_revision ON executions (pipeline_id, pipeline_revision);

ALTER TABLE executions SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE step_executions SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE transitions SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE step_logs SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE request_counts SET (autovacuum_vacuum_scale_factor = 0.01);
