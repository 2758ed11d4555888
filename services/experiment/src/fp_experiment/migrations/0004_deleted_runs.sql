SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- What is left of a run that was deleted: lineage goes on naming its id.
CREATE TABLE deleted_runs (
    team          text        NOT NULL,
    id            uuid        NOT NULL,
    experiment_id uuid        NOT NULL,
    deleted_at    timestamptz NOT NULL,
    deleted_by    text        NOT NULL,
    PRIMARY KEY (team, id)
);

-- Nobody sees a run from then on; its rows are removed in bites, the run's own last.
ALTER TABLE runs ADD COLUMN deleted_at timestamptz;
CREATE INDEX runs_to_remove ON runs (id) WHERE deleted_at IS NOT NULL;
