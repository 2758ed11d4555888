-- Roles, users, their keys and sessions. Secrets are kept as digests only.

CREATE TABLE roles (
    name text PRIMARY KEY,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0)
);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    team text NOT NULL,
    -- Lower case: one address has one account, in whatever team.
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    role text NOT NULL REFERENCES roles (name),
    -- argon2id in PHC form, with its own salt and parameters.
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX users_of_team ON users (team, id);
CREATE INDEX admins ON users (id) WHERE role = 'admin';

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    team text NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    name text NOT NULL,
    prefix text NOT NULL,
    -- SHA-256 of 256 random bits.
    key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    replaced_by uuid REFERENCES api_keys (id)
);

CREATE INDEX api_keys_of_user ON api_keys (team, user_id, id);

-- A family of refresh tokens is a session; it ends as a whole.
CREATE TABLE refresh_families (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    started_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('logout', 'reuse'))
);

CREATE INDEX refresh_families_by_end ON refresh_families (ends_at);

CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    family_id uuid NOT NULL REFERENCES refresh_families (id) ON DELETE CASCADE,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);

CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family_id);

-- Failed logins of an account (a digest of the address that was typed) or of a network address.
CREATE TABLE login_attempts (
    kind text NOT NULL CHECK (kind IN ('account', 'address')),
    key bytea NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    last_at timestamptz,
    locked_until timestamptz,
    PRIMARY KEY (kind, key)
);

CREATE INDEX login_attempts_by_age ON login_attempts (last_at);
