-- outside of a transaction
-- Which ensembles run a version of a model.
CREATE INDEX CONCURRENTLY IF NOT EXISTS versions_by_member ON versions USING gin (members jsonb_path_ops)
    WHERE members <> '[]';
