-- Executions, what happened to each step, and every transition for those who watch.

CREATE TABLE executions (
    id uuid PRIMARY KEY,
    team text NOT NULL,
    pipeline_id uuid NOT NULL,
    pipeline_revision integer NOT NULL,
    -- As it was at the start: a list needs no join, and a renamed pipeline keeps its history.
    pipeline_name text NOT NULL,
    type text NOT NULL,
    status text NOT NULL CHECK (
        status IN ('PENDING', 'RUNNING', 'COMPENSATING', 'COMPLETED', 'FAILED', 'CANCELLED')
    ),
    current_step text NOT NULL DEFAULT '',
    input jsonb NOT NULL,
    triggered_by text NOT NULL,
    cause_event_id text NOT NULL DEFAULT '',
    correlation_id text NOT NULL DEFAULT '',
    trace jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    error text NOT NULL DEFAULT '',
    failed_step text NOT NULL DEFAULT '',
    sequence bigint NOT NULL,
    cancelled_by text,
    cancel_reason text,
    -- Who works on it: a write with an older token than the row's is refused.
    lease_holder text NOT NULL DEFAULT '',
    lease_token bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    FOREIGN KEY (pipeline_id, pipeline_revision) REFERENCES pipeline_revisions (pipeline_id, revision)
);

CREATE INDEX executions_of_team ON executions (team, id DESC);
CREATE INDEX executions_of_team_by_status ON executions (team, status, id DESC);
CREATE INDEX executions_of_pipeline ON executions (team, pipeline_id, id DESC);
CREATE INDEX executions_of_pipeline_by_status ON executions (team, pipeline_id, status, id DESC);
-- The open ones are few among the many that have ended: claiming reads only these, oldest first.
CREATE INDEX executions_open ON executions (id) WHERE status IN ('PENDING', 'RUNNING', 'COMPENSATING');

CREATE TABLE step_executions (
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    step_id text NOT NULL,
    id uuid NOT NULL,
    state jsonb NOT NULL,
    PRIMARY KEY (execution_id, step_id)
);

CREATE TABLE transitions (
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    sequence bigint NOT NULL,
    status text NOT NULL,
    current_step text NOT NULL,
    error text NOT NULL,
    -- The changed step, and how it was afterwards; empty when only the whole changed.
    step_id text NOT NULL,
    state jsonb,
    at timestamptz NOT NULL,
    PRIMARY KEY (execution_id, sequence)
);

CREATE TABLE step_logs (
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    step_id text NOT NULL,
    line bigint NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (execution_id, step_id, line)
);
