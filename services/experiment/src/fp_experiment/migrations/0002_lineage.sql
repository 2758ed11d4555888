SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- What led to what. An edge is told once and holds for ever.
CREATE TABLE lineage_edges (
    team        text        NOT NULL CHECK (team <> ''),
    from_kind   text        NOT NULL,
    from_id     text        NOT NULL,
    to_kind     text        NOT NULL,
    to_id       text        NOT NULL,
    relation    text        NOT NULL,
    event_id    uuid,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (team, from_kind, from_id, to_kind, to_id, relation)
);

-- The way back; the way forth is the key.
CREATE INDEX lineage_edges_back ON lineage_edges (team, to_kind, to_id, from_kind, from_id);

-- What is known of a node: of each fact the newest word.
CREATE TABLE lineage_facts (
    team  text        NOT NULL CHECK (team <> ''),
    kind  text        NOT NULL,
    id    text        NOT NULL,
    name  text        NOT NULL,
    value text        COLLATE "C" NOT NULL,
    at    timestamptz NOT NULL,
    -- When the first event told of it.
    since timestamptz NOT NULL,
    PRIMARY KEY (team, kind, id, name)
) WITH (fillfactor = 80);
