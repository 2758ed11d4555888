-- Programs of a team that belong to no person. Their names and ids stay taken after they are deleted.
CREATE TABLE service_accounts (
    id uuid PRIMARY KEY,
    team text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    deleted_at timestamptz,
    UNIQUE (team, name)
);

CREATE INDEX service_accounts_of_team ON service_accounts (team, id);

-- A key belongs to a person or to a service account. Code before this one finds a key by its person, and so none of these.
ALTER TABLE api_keys ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE api_keys ADD COLUMN service_account uuid REFERENCES service_accounts (id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_owner CHECK (num_nonnulls(user_id, service_account) = 1) NOT VALID;
ALTER TABLE api_keys VALIDATE CONSTRAINT api_keys_owner;

CREATE INDEX api_keys_of_service_account ON api_keys (service_account, id) WHERE service_account IS NOT NULL;

-- A team's own roles.
CREATE TABLE team_roles (
    team text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (team, name)
);

-- Counts only beside the role viewer, which code before this one takes its holder for.
ALTER TABLE users ADD COLUMN team_role text;
ALTER TABLE users ADD CONSTRAINT users_team_role FOREIGN KEY (team, team_role) REFERENCES team_roles (team, name);

CREATE INDEX users_of_team_role ON users (team, team_role, id) WHERE team_role IS NOT NULL;
