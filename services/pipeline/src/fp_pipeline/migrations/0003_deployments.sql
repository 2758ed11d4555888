-- What runs for whom, and whose turn it is to change that.

CREATE TABLE deployments (
    -- Carries execution, step and attempt.
    runtime text PRIMARY KEY,
    team text NOT NULL,
    model_id text NOT NULL,
    model_name text NOT NULL,
    version_id text NOT NULL,
    version text NOT NULL,
    endpoint text NOT NULL,
    weight_bps integer NOT NULL CHECK (weight_bps BETWEEN 0 AND 10000),
    execution_id uuid NOT NULL REFERENCES executions (id),
    deployed_at timestamptz NOT NULL,
    -- forgepoint.common.v1.Signature, serialised.
    signature bytea NOT NULL,
    artifact_digest text NOT NULL,
    state text NOT NULL CHECK (state IN ('LIVE', 'DRAINING', 'GONE')),
    stop_at timestamptz
);

-- A version runs once: a router knows it by its name.
CREATE UNIQUE INDEX deployments_live ON deployments (team, model_name, version) WHERE state = 'LIVE';
CREATE INDEX deployments_live_by_runtime ON deployments (runtime) WHERE state = 'LIVE';
CREATE INDEX deployments_draining ON deployments (stop_at) WHERE state = 'DRAINING';

-- One execution at a time moves the traffic of a model.
CREATE TABLE deployment_turns (
    team text NOT NULL,
    model_name text NOT NULL,
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    PRIMARY KEY (team, model_name)
);

CREATE INDEX deployment_turns_of_execution ON deployment_turns (execution_id);
