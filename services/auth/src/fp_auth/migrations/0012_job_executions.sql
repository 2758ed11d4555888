-- Executions whose jobs got tokens, until the last of these ends; after the end of an execution none is issued.
CREATE TABLE job_executions (
    execution_id text PRIMARY KEY,
    team text NOT NULL,
    -- When the last token that was issued ends.
    until timestamptz NOT NULL,
    ended_at timestamptz
);

CREATE INDEX job_executions_by_end ON job_executions (until);
