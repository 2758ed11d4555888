-- The newest inputs of a model, until there are enough of them for a verdict, and what the blocks before said.
CREATE TABLE quality (
    monitor_id uuid PRIMARY KEY REFERENCES monitors (id) ON DELETE CASCADE,
    opened_at timestamptz,
    period_start timestamptz,
    period_end timestamptz,
    samples integer NOT NULL,
    -- int64, one a cell.
    counts bytea,
    -- Blocks in a row in which a sign was bad; signs that were told, and how bad; good blocks in a row since.
    signs jsonb NOT NULL
);
