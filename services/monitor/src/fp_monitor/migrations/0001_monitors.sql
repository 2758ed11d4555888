-- What is watched, what it is compared with, what is counted now, and what was found.

CREATE TABLE monitors (
    id uuid PRIMARY KEY,
    team text NOT NULL,
    model_name text NOT NULL,
    window_duration interval NOT NULL,
    window_size integer NOT NULL CHECK (window_size BETWEEN 0 AND 1000000),
    min_samples integer NOT NULL CHECK (min_samples >= 0),
    thresholds jsonb NOT NULL,
    auto_retrain boolean NOT NULL,
    retrain_pipeline_id text NOT NULL,
    retrain_cooldown interval NOT NULL,
    enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    model_id text NOT NULL,
    -- The version in production, whose traffic is counted, and the version whose training data it is compared with.
    served_version text NOT NULL,
    baseline_version text NOT NULL,
    baseline_at timestamptz,
    -- By kind of drift; state and severity follow from the row, kept for lists.
    levels jsonb NOT NULL,
    judged boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING_BASELINE', 'WARMING_UP', 'ACTIVE', 'PAUSED')),
    severity smallint NOT NULL CHECK (severity BETWEEN 1 AND 3),
    reports integer NOT NULL,
    alarms bigint NOT NULL,
    last_event_at timestamptz,
    newest_label timestamptz,
    retrain_asked_at timestamptz,
    retrain_started_at timestamptz,
    UNIQUE (team, model_name)
);

CREATE INDEX monitors_by_pipeline ON monitors (team, retrain_pipeline_id) WHERE retrain_pipeline_id <> '';

-- Versions that were promoted with a profile, whether or not anybody watches the model yet.
CREATE TABLE baselines (
    team text NOT NULL,
    model_name text NOT NULL,
    version text NOT NULL,
    -- forgepoint.common.v1.BaselineProfile, serialised.
    profile bytea NOT NULL,
    promoted_at timestamptz NOT NULL,
    PRIMARY KEY (team, model_name, version)
);

CREATE TABLE production (
    team text NOT NULL,
    model_name text NOT NULL,
    model_id text NOT NULL,
    version text NOT NULL,
    promoted_at timestamptz NOT NULL,
    -- Of the event: a later one is not undone by an earlier one that comes late.
    sequence bigint NOT NULL,
    PRIMARY KEY (team, model_name)
);

CREATE TABLE windows (
    id uuid PRIMARY KEY,
    monitor_id uuid NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('DATA', 'PREDICTION', 'PERFORMANCE')),
    opened_at timestamptz NOT NULL,
    closes_at timestamptz,
    samples integer NOT NULL CHECK (samples >= 0),
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    -- Blocks of so many events, each a row of int64 counts, one a cell; without them for PERFORMANCE.
    block_length integer,
    cells integer,
    counts bytea,
    UNIQUE (monitor_id, kind)
);

CREATE INDEX windows_due ON windows (closes_at) WHERE closes_at IS NOT NULL;

-- Waiting for their labels, and kept until their window is judged or the retention is over.
CREATE TABLE predictions (
    team text NOT NULL,
    model_name text NOT NULL,
    request_id text NOT NULL,
    version text NOT NULL,
    predicted_at timestamptz NOT NULL,
    score double precision,
    label text NOT NULL,
    probabilities double precision[],
    actual text,
    observed_at timestamptz,
    labelled_at timestamptz,
    window_id uuid,
    place integer,
    PRIMARY KEY (team, model_name, request_id)
);

CREATE INDEX predictions_of_window ON predictions (window_id, place) WHERE window_id IS NOT NULL;
CREATE INDEX predictions_by_age ON predictions USING brin (predicted_at);

CREATE TABLE reports (
    id uuid PRIMARY KEY,
    team text NOT NULL,
    model_name text NOT NULL,
    -- Without a foreign key: reports outlive their monitor unless they are purged.
    monitor_id uuid NOT NULL,
    number integer NOT NULL,
    version text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('DATA', 'PREDICTION', 'PERFORMANCE')),
    severity smallint NOT NULL CHECK (severity BETWEEN 1 AND 3),
    metrics jsonb NOT NULL,
    -- A window has one report.
    window_id uuid NOT NULL UNIQUE,
    samples integer NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    retrains boolean NOT NULL,
    UNIQUE (monitor_id, number)
);

CREATE INDEX reports_of_team ON reports (team, id DESC);
CREATE INDEX reports_of_model ON reports (team, model_name, id DESC);
