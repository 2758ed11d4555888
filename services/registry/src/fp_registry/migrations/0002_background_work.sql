-- Uploads that are measured in the background: the row is the promise that survives a crash.
CREATE TABLE verifications (
    version_id      uuid        PRIMARY KEY REFERENCES versions (id),
    team            text        NOT NULL,
    expected_digest text        NOT NULL,
    requested_by    text        NOT NULL,
    -- Of the call that asked: the event that ends it belongs to the same trace.
    correlation_id  text        NOT NULL,
    trace           jsonb       NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    -- Taken by a worker until then, or waiting for its next attempt.
    due_at          timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX verifications_due ON verifications (due_at);

-- Models whose projection no event will bring up to date: their last change has no event, or the read store was away
-- when its event came. revision: of the model when it was noted; the row goes when the projection has it.
CREATE TABLE unprojected (
    model_id uuid        PRIMARY KEY REFERENCES models (id),
    team     text        NOT NULL,
    revision bigint      NOT NULL,
    since    timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX unprojected_oldest ON unprojected (since);
