SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE experiments (
    id          uuid        PRIMARY KEY,
    team        text        NOT NULL CHECK (team <> ''),
    name        text        NOT NULL CHECK (name <> ''),
    description text        NOT NULL,
    tags        jsonb       NOT NULL,
    owner_id    text        NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    archived_at timestamptz,
    -- A name stays taken after the archive.
    CONSTRAINT experiments_name UNIQUE (team, name),
    CONSTRAINT experiments_of_team UNIQUE (team, id)
);

-- The usual list is of what is not archived, newest first.
CREATE INDEX experiments_live ON experiments (team, id) WHERE archived_at IS NULL;

CREATE TABLE runs (
    id               uuid        PRIMARY KEY,
    team             text        NOT NULL CHECK (team <> ''),
    experiment_id    uuid        NOT NULL REFERENCES experiments,
    display_name     text        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('RUNNING', 'FINISHED', 'FAILED', 'KILLED')),
    source           text        NOT NULL CHECK (source IN ('API', 'EVENT')),
    model_version_id text        NOT NULL,
    owner_id         text        NOT NULL,
    execution_id     text        NOT NULL,
    inputs           jsonb       NOT NULL,
    artifacts        bytea       NOT NULL,
    started_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    CONSTRAINT runs_end CHECK ((status = 'RUNNING') = (ended_at IS NULL))
);

-- Lists go from the newest id down; each filter has an index that ends in it.
CREATE INDEX runs_of_team ON runs (team, id);
CREATE INDEX runs_of_experiment ON runs (team, experiment_id, id);
CREATE INDEX runs_by_status ON runs (team, experiment_id, status, id);

CREATE TABLE run_params (
    run_id uuid NOT NULL REFERENCES runs,
    key    text COLLATE "C" NOT NULL,
    value  text NOT NULL,
    PRIMARY KEY (run_id, key)
);

-- One month of runs a partition, by the time in the run's id (UUIDv7): so (run, key, step) is unique over all
-- partitions, and the points of a run lie in one of them. The service makes the partitions ahead of their months.
CREATE TABLE metric_points (
    run_id      uuid             NOT NULL,
    key         text COLLATE "C" NOT NULL,
    step        bigint           NOT NULL CHECK (step >= 0),
    value       double precision NOT NULL,
    recorded_at timestamptz      NOT NULL,
    PRIMARY KEY (run_id, key, step)
) PARTITION BY RANGE (run_id);

-- The point of the greatest step of each metric, for lists of runs.
CREATE TABLE latest_metrics (
    run_id      uuid             NOT NULL REFERENCES runs,
    key         text COLLATE "C" NOT NULL,
    step        bigint           NOT NULL,
    value       double precision NOT NULL,
    recorded_at timestamptz      NOT NULL,
    PRIMARY KEY (run_id, key)
) WITH (fillfactor = 70);
