-- outside of a transaction
-- Whether a pipeline has an execution under way. The indexes of all executions that begin with the pipeline cost the
-- same by the planner's reckoning, and by one of them a pipeline's whole history would be read.
CREATE INDEX CONCURRENTLY IF NOT EXISTS executions_open_of_pipeline ON executions (pipeline_id)
    WHERE status IN ('PENDING', 'RUNNING', 'COMPENSATING');
