-- Reports and baselines end some day.

CREATE INDEX reports_by_age ON reports (created_at);

ALTER TABLE baselines
    -- Since when another version is in production; NULL for the one that is.
    ADD COLUMN replaced_at timestamptz;
UPDATE baselines b SET replaced_at = greatest(b.promoted_at, p.promoted_at)
FROM production p
WHERE p.team = b.team AND p.model_name = b.model_name AND p.version <> b.version;
CREATE INDEX baselines_replaced ON baselines (replaced_at) WHERE replaced_at IS NOT NULL;
