-- The prediction log (ADR 0225): policies, and which files in the object store are part of it.

CREATE TABLE prediction_logs (
    team           text        NOT NULL,
    model_name     text        NOT NULL,
    sample_bps     integer     NOT NULL CHECK (sample_bps BETWEEN 0 AND 10000),
    masked         text[]      NOT NULL,
    retention_days integer     NOT NULL CHECK (retention_days BETWEEN 1 AND 3650),
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    revision       bigint      NOT NULL,
    changed_by     text        NOT NULL,
    PRIMARY KEY (team, model_name)
);

-- A file counts from the commit of its row on. What the object store has beside these is waste.
CREATE TABLE log_files (
    team        text        NOT NULL,
    model_name  text        NOT NULL,
    -- UTC, of the answers.
    day         date        NOT NULL,
    name        uuid        NOT NULL,
    -- How often it was merged.
    level       smallint    NOT NULL,
    -- Large enough to be merged no more.
    complete    boolean     NOT NULL,
    predictions bigint      NOT NULL,
    bytes       bigint      NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    -- Whether it has its labels: they are put into it when no more are awaited.
    labelled    boolean     NOT NULL,
    PRIMARY KEY (team, model_name, name)
);
CREATE INDEX log_files_newest_first ON log_files (team, model_name, last_at, name);
-- What is still to be merged, some files a model and day.
CREATE INDEX log_files_to_merge ON log_files (day, team, model_name, level, last_at, name) WHERE NOT complete;

CREATE INDEX log_files_to_label ON log_files (day, team, model_name, name) WHERE NOT labelled;

-- Objects that are part of nothing: being written, or replaced. They are deleted when they are old.
CREATE TABLE log_waste (
    object text        PRIMARY KEY,
    since  timestamptz NOT NULL
);
CREATE INDEX log_waste_by_age ON log_waste (since);

-- Predictions that are in no answer any more; rewritten: in no file either.
CREATE TABLE log_erased (
    team       text        NOT NULL,
    model_name text        NOT NULL,
    request_id text        NOT NULL,
    erased_at  timestamptz NOT NULL,
    rewritten  boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (team, model_name, request_id)
);
CREATE INDEX log_erased_to_rewrite ON log_erased (team, model_name, request_id) WHERE NOT rewritten;
CREATE INDEX log_erased_by_age ON log_erased (erased_at) WHERE rewritten;
