-- The newest promotion of each model: while it is watched, the versions before it stay warm and it can be taken back.

CREATE TABLE promotions (
    team text NOT NULL,
    model_name text NOT NULL,
    model_id text NOT NULL,
    execution_id uuid NOT NULL,
    -- Of the promoted version.
    runtime text NOT NULL,
    version text NOT NULL,
    version_id text NOT NULL,
    -- Id of the version that was in PRODUCTION; empty without one.
    incumbent text NOT NULL,
    -- Basis points by version.
    before jsonb NOT NULL,
    objective jsonb NOT NULL,
    promoted_at timestamptz NOT NULL,
    warm_until timestamptz NOT NULL,
    actor text NOT NULL,
    state text NOT NULL CHECK (state IN ('WATCHED', 'ROLLING_BACK', 'ROLLED_BACK', 'OVER')),
    reason text NOT NULL,
    ended_by text NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (team, model_name)
);

CREATE INDEX promotions_open ON promotions (promoted_at) WHERE state IN ('WATCHED', 'ROLLING_BACK');
CREATE INDEX promotions_ended ON promotions (ended_at) WHERE ended_at IS NOT NULL;
