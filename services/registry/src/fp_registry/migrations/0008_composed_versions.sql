-- outside of a transaction
-- The ensembles of a model, which has few of them among many versions.
CREATE INDEX CONCURRENTLY IF NOT EXISTS versions_composed ON versions (model_id) WHERE members <> '[]';
