"""SQL that several adapters share."""

# The right to append to a view's log. Writers hold it until the commit; a reader that shares it for a moment knows that
# no write is under way.
LOCK_VIEW = "SELECT pg_advisory_xact_lock(hashtextextended('view/' || $1::text, 0))"
SHARE_VIEW = "SELECT pg_advisory_xact_lock_shared(hashtextextended('view/' || $1::text, 0))"
LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended(jsonb_build_array($1::text, $2::text)::text, 1))"
CLAIM_REBUILD = "SELECT pg_try_advisory_lock(hashtextextended('rebuild/' || $1::text, 2))"

NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

NEW_COPY = "INSERT INTO offline_copies (view_id) VALUES ($1) RETURNING copy"

# The one way from the log to the offline view: a write takes it for its own event, a rebuild for all of them.
PROJECT = """
    INSERT INTO feature_values (copy, entity_id, event_time, available_at, version, ordinal, schema_version, packed)
    SELECT $1, r.entity_id, r.event_time, r.available_at, l.version, r.ordinal, l.schema_version, r.packed
    FROM feature_log l
    CROSS JOIN LATERAL unnest(l.entity_ids, l.event_times, l.available_ats, l.packed)
        WITH ORDINALITY AS r (entity_id, event_time, available_at, packed, ordinal)
    WHERE l.view_id = $2 AND l.version BETWEEN $3 AND $4
"""

SAVE_VIEW = """
    INSERT INTO feature_views (id, team, name, description, entity_name, join_key, entity_description, schemas,
                               online_ttl, owner_id, created_at, updated_at, deleted_at, version, recorded_at,
                               retention, offline_copy)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (id) DO UPDATE
    SET description = excluded.description, entity_description = excluded.entity_description,
        schemas = excluded.schemas, online_ttl = excluded.online_ttl, updated_at = excluded.updated_at,
        deleted_at = excluded.deleted_at, version = excluded.version, recorded_at = excluded.recorded_at,
        retention = excluded.retention, offline_copy = excluded.offline_copy
"""
