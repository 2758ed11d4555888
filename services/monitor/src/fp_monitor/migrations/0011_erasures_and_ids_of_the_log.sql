-- Which files may have a prediction, without reading them: a split block Bloom filter of request ids (domain/id_filter.py).
-- A file without one may have any. Stored outside of the row and not compressed: a question reads 32 bytes of it.
ALTER TABLE log_files ADD COLUMN ids bytea;
ALTER TABLE log_files ALTER COLUMN ids SET STORAGE EXTERNAL;

-- Logs that were deleted and have files yet, which go in bites. A new log of the model begins when they are gone.
CREATE TABLE log_deletions (
    team       text        NOT NULL,
    model_name text        NOT NULL,
    deleted_at timestamptz NOT NULL,
    PRIMARY KEY (team, model_name)
);

-- Whose predictions were erased (ADR 0242). rewritten: no file has them any more.
CREATE TABLE log_erased_entities (
    team       text        NOT NULL,
    model_name text        NOT NULL,
    -- Of the model, one after the other: whoever erases holds the policy.
    number     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    name       text        NOT NULL,
    digest     bytea       NOT NULL,
    erased_at  timestamptz NOT NULL,
    rewritten  boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (team, model_name, number)
);
CREATE INDEX log_erased_entities_to_rewrite ON log_erased_entities (team, model_name, number) WHERE NOT rewritten;
CREATE INDEX log_erased_entities_by_age ON log_erased_entities (erased_at) WHERE rewritten;

-- The file has nothing of whom was erased up to this number.
ALTER TABLE log_files ADD COLUMN erased_up_to bigint NOT NULL DEFAULT 0;
