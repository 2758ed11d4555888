-- Teams as objects. Users and everything else carry the id as a label; it never changes.
CREATE TABLE teams (
    id text PRIMARY KEY CHECK (id <> ''),
    display_name text NOT NULL,
    created_at timestamptz NOT NULL,
    -- Set while nobody of the team may do anything.
    suspended_at timestamptz,
    -- 0: no limit.
    max_users integer NOT NULL DEFAULT 0 CHECK (max_users >= 0),
    max_keys integer NOT NULL DEFAULT 0 CHECK (max_keys >= 0)
);

INSERT INTO teams (id, display_name, created_at) SELECT team, team, min(created_at) FROM users GROUP BY team;

-- Those that count for the limit of a team.
CREATE INDEX api_keys_living ON api_keys (team) WHERE revoked_at IS NULL;
