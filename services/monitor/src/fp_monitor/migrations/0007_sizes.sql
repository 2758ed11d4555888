-- What a team with very many monitors, and a monitor with very many reports, needs.

-- The execution that answered a monitor's request is asked for by its id: of a pipeline that very many monitors share,
-- every one was read.
CREATE INDEX monitors_by_execution ON monitors (team, retrain_execution_id) WHERE retrain_execution_id <> '';

-- Of each report in its team, in the order of the commits. Whoever follows the reports of a team remembers one number,
-- and not one for each monitor. Reports from before, and those of the code before, have none.
ALTER TABLE reports ADD COLUMN position bigint;
CREATE UNIQUE INDEX reports_by_position ON reports (team, position) WHERE position IS NOT NULL;

CREATE TABLE report_positions (
    team text PRIMARY KEY,
    last bigint NOT NULL
);

-- Models whose reports were purged: they go in bites, which another replica goes on with when one dies.
CREATE TABLE report_purges (
    team text NOT NULL,
    model_name text NOT NULL,
    -- Reports that were made later belong to a monitor that was made later.
    until timestamptz NOT NULL,
    PRIMARY KEY (team, model_name)
);
