-- outside of a transaction
-- What a search by name looks at, without a look at the views themselves: their schemas make them wide.
CREATE INDEX CONCURRENTLY IF NOT EXISTS feature_views_names ON feature_views (team, id DESC) INCLUDE (name)
    WHERE deleted_at IS NULL;
