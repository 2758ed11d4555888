SET LOCAL lock_timeout = '5s';

-- retention: microseconds; 0 is for ever. horizon: reads as of a time before it are refused, because what only they would
-- find may be gone. horizon_version: of the log at the horizon; reads of an earlier version are refused too.
ALTER TABLE feature_views
    ADD COLUMN retention       bigint NOT NULL DEFAULT 0 CHECK (retention >= 0),
    ADD COLUMN horizon         bigint,
    ADD COLUMN horizon_version bigint NOT NULL DEFAULT 0;

CREATE INDEX feature_views_retained ON feature_views (id) WHERE retention > 0;

-- The log loses rows in one way only: the trim says so in its transaction. Everybody else is refused as before.
CREATE OR REPLACE FUNCTION feature_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'TRUNCATE' AND current_setting('fp_featurestore.trims', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the feature log is append-only';
END
$$;

-- Not even a trim touches definitions and deletions: a view is made of them.
CREATE FUNCTION feature_log_keeps_definitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'definitions in the feature log are kept';
END
$$;

CREATE TRIGGER feature_log_definitions_stay BEFORE UPDATE OR DELETE ON feature_log
    FOR EACH ROW WHEN (OLD.type <> 'FEATURES_WRITTEN') EXECUTE FUNCTION feature_log_keeps_definitions();
