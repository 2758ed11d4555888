-- Times are whole microseconds since 1970, UTC: exact, and what the wire's columns hold.

-- The log: the only thing that cannot be made again. Versions of a view have no gap, because whoever appends holds the
-- view's advisory lock until the commit; so "up to version n" is the same set of rows for everybody and for ever.
CREATE TABLE feature_log (
    view_id        uuid     NOT NULL,
    version        bigint   NOT NULL CHECK (version > 0),
    type           text     NOT NULL CHECK (type IN ('VIEW_DEFINED', 'FEATURES_WRITTEN', 'VIEW_DELETED')),
    team           text     NOT NULL CHECK (team <> ''),
    recorded_at    bigint   NOT NULL,
    recorded_by    text     NOT NULL,
    -- VIEW_DEFINED: the definition as a whole.
    definition     jsonb,
    -- FEATURES_WRITTEN: the rows, column by column, packed as the schema version says.
    schema_version integer,
    entity_ids     text[],
    event_times    bigint[],
    available_ats  bigint[],
    packed         bytea[],
    PRIMARY KEY (view_id, version),
    CONSTRAINT feature_log_definition CHECK ((type = 'VIEW_DEFINED') = (definition IS NOT NULL)),
    CONSTRAINT feature_log_rows CHECK (
        CASE WHEN type = 'FEATURES_WRITTEN'
            THEN num_nonnulls(schema_version, entity_ids, event_times, available_ats, packed) = 5
             AND cardinality(entity_ids) > 0
             AND cardinality(event_times) = cardinality(entity_ids)
             AND cardinality(available_ats) = cardinality(entity_ids)
             AND cardinality(packed) = cardinality(entity_ids)
            ELSE num_nonnulls(schema_version, entity_ids, event_times, available_ats, packed) = 0
        END
    )
);

CREATE FUNCTION feature_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the feature log is append-only';
END
$$;

CREATE TRIGGER feature_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feature_log
    FOR EACH STATEMENT EXECUTE FUNCTION feature_log_is_append_only();

-- Definitions and deletions are few; replaying them must not read past the writes.
CREATE INDEX feature_log_definitions ON feature_log (view_id, version) WHERE type <> 'FEATURES_WRITTEN';

-- Copies of the offline view. A rebuild fills a new one beside the one that is read; those that no view names are
-- swept away.
CREATE TABLE offline_copies (
    copy    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    view_id uuid   NOT NULL
);

CREATE INDEX offline_copies_of_view ON offline_copies (view_id);

-- Views as their logs make them. version and recorded_at are those of the log's last event.
CREATE TABLE feature_views (
    id                 uuid    PRIMARY KEY,
    team               text    NOT NULL CHECK (team <> ''),
    name               text    NOT NULL CHECK (name <> ''),
    description        text    NOT NULL,
    entity_name        text    NOT NULL,
    join_key           text    NOT NULL,
    entity_description text    NOT NULL,
    -- Every schema version, the first one first.
    schemas            jsonb   NOT NULL,
    online_ttl         bigint  NOT NULL CHECK (online_ttl >= 0),
    owner_id           text    NOT NULL,
    created_at         bigint  NOT NULL,
    updated_at         bigint  NOT NULL,
    deleted_at         bigint,
    version            bigint  NOT NULL CHECK (version > 0),
    recorded_at        bigint  NOT NULL,
    offline_copy       bigint  REFERENCES offline_copies (copy),
    CONSTRAINT feature_views_of_team UNIQUE (team, id),
    CONSTRAINT feature_views_read_offline CHECK ((deleted_at IS NULL) = (offline_copy IS NOT NULL))
);

CREATE UNIQUE INDEX feature_views_name ON feature_views (team, name) WHERE deleted_at IS NULL;
CREATE INDEX feature_views_copy ON feature_views (offline_copy);

-- The offline view: one row a row of the log. version and ordinal order rows of one entity and event time.
CREATE TABLE feature_values (
    copy           bigint  NOT NULL,
    entity_id      text    COLLATE "C" NOT NULL,
    event_time     bigint  NOT NULL,
    available_at   bigint  NOT NULL,
    version        bigint  NOT NULL,
    ordinal        integer NOT NULL,
    schema_version integer NOT NULL,
    packed         bytea   NOT NULL,
    -- Read backwards it gives the newest row of an entity as of a time.
    CONSTRAINT feature_values_key PRIMARY KEY (copy, entity_id, event_time, version, ordinal)
);

-- Windows of event time, in the order in which training sets give their rows.
CREATE INDEX feature_values_by_time ON feature_values (copy, event_time, entity_id);
