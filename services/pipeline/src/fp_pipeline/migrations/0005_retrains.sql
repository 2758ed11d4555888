-- Which execution answers which report of drift: one, however often the report is told, and for as long as it is known.

CREATE TABLE retrains (
    team text NOT NULL,
    report_id text NOT NULL,
    execution_id uuid NOT NULL REFERENCES executions (id) DEFERRABLE INITIALLY DEFERRED,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (team, report_id)
);

CREATE INDEX retrains_of_execution ON retrains (execution_id);
