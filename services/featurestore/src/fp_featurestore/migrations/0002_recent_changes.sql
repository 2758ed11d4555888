SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Who keeps the online view up looks every second at what has changed, not at every view.
CREATE INDEX feature_views_recent ON feature_views (recorded_at) WHERE deleted_at IS NULL;
