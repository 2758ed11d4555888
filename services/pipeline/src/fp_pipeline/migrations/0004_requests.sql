-- How each version did, minute by minute. Rows only ever grow, so that any number of replicas may add to them.

CREATE TABLE request_counts (
    team text NOT NULL,
    model_name text NOT NULL,
    minute timestamptz NOT NULL,
    version text NOT NULL,
    -- ANSWERED, or why it failed.
    outcome text NOT NULL,
    -- Of the latency of answered ones; 8 bins double it, the first one ends at 0.1 ms.
    bin smallint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (team, model_name, minute, version, outcome, bin)
);

CREATE INDEX request_counts_by_minute ON request_counts (minute);
