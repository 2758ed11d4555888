-- outside of a transaction
-- Whether a version refers to a content.
CREATE INDEX CONCURRENTLY IF NOT EXISTS versions_by_artifact ON versions (artifact_path) WHERE status = 'READY';
