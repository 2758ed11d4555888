-- Pipelines as declared. A revision never changes: an execution keeps the steps it started with.

CREATE TABLE pipelines (
    id uuid PRIMARY KEY,
    team text NOT NULL,
    name text NOT NULL,
    type text NOT NULL CHECK (type IN ('DEPLOYMENT_SAGA', 'TRAINING_DAG', 'BATCH_INFERENCE')),
    revision integer NOT NULL DEFAULT 1,
    then_pipeline_id uuid REFERENCES pipelines (id),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (team, name)
);

CREATE INDEX pipelines_of_team ON pipelines (team, id DESC);
CREATE INDEX pipelines_of_team_by_type ON pipelines (team, type, id DESC);

CREATE TABLE pipeline_revisions (
    pipeline_id uuid NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    revision integer NOT NULL,
    steps jsonb NOT NULL,
    PRIMARY KEY (pipeline_id, revision)
);
