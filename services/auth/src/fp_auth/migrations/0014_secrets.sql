-- Secrets of teams. A deleted one stays as its name and its last version, so that a number never means another value.
CREATE TABLE secrets (
    team         text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    last_version integer          NOT NULL DEFAULT 0,
    created_by   text             NOT NULL,
    created_at   timestamptz      NOT NULL,
    deleted_at   timestamptz,
    PRIMARY KEY (team, name)
);

CREATE INDEX secrets_living ON secrets (team, name) WHERE deleted_at IS NULL;

-- sealed: the value under its data key; wrapped_key: the data key under the key key_id. Both empty when it is destroyed.
CREATE TABLE secret_versions (
    team        text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    number      integer          NOT NULL CHECK (number > 0),
    status      text             NOT NULL CHECK (status IN ('ENABLED', 'DISABLED', 'DESTROYED')),
    key_id      text             NOT NULL,
    wrapped_key bytea            NOT NULL,
    sealed      bytea            NOT NULL,
    created_by  text             NOT NULL,
    created_at  timestamptz      NOT NULL,
    changed_by  text             NOT NULL DEFAULT '',
    changed_at  timestamptz,
    PRIMARY KEY (team, name, number),
    FOREIGN KEY (team, name) REFERENCES secrets (team, name),
    CHECK ((status = 'DESTROYED') = (sealed = '' AND wrapped_key = ''))
);

-- Who builds pipelines gives secrets to their jobs. Destroying and deleting is an admin's.
UPDATE roles SET scopes = scopes || ARRAY['secrets:read', 'secrets:write'] WHERE name = 'engineer';
