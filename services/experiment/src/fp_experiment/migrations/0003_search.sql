SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- What a run had in the end, for searches: `latest_metrics` and `run_params` are keyed by run, so that a search in them
-- reads every run of every team. Of runs at work nothing is here, so that the table that changes with every point keeps
-- its updates within their pages. The service fills these tables from runs that have ended.
ALTER TABLE runs ADD COLUMN searchable boolean NOT NULL DEFAULT false;

CREATE TABLE ended_metrics (
    team   text             NOT NULL,
    key    text             COLLATE "C" NOT NULL,
    run_id uuid             NOT NULL REFERENCES runs,
    value  double precision NOT NULL,
    PRIMARY KEY (team, key, run_id)
);
CREATE INDEX ended_metrics_by_value ON ended_metrics (team, key, value, run_id);

-- A value may be longer than an entry of an index.
CREATE TABLE ended_params (
    team   text   NOT NULL,
    key    text   COLLATE "C" NOT NULL,
    run_id uuid   NOT NULL REFERENCES runs,
    digest bigint NOT NULL,
    PRIMARY KEY (team, key, run_id)
);
CREATE INDEX ended_params_by_digest ON ended_params (team, key, digest, run_id);

-- Both are deleted by run.
CREATE INDEX ended_metrics_of_run ON ended_metrics (run_id);
CREATE INDEX ended_params_of_run ON ended_params (run_id);

-- Runs that a search must look at one by one: those at work, and for a moment those that have just ended.
CREATE INDEX runs_not_searchable ON runs (team, id) WHERE NOT searchable;
CREATE INDEX runs_to_index ON runs (id) WHERE NOT searchable AND status <> 'RUNNING';

-- Searches that name a status or a name and no experiment.
CREATE INDEX runs_of_team_by_status ON runs (team, status, id);
CREATE INDEX runs_by_name ON runs (team, display_name, id);
