-- What the platform itself signs and shows.

CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    public_jwk text NOT NULL,
    -- The private key under AES-GCM; the key of that comes from the environment.
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- NULL while published ahead of its use.
    signs_from timestamptz,
    -- Set when it signs no more; it verifies until its last token ended.
    retired_at timestamptz
);

-- One key signs and one waits, whatever two replicas do at once.
CREATE UNIQUE INDEX one_current_signing_key ON signing_keys ((true)) WHERE signs_from IS NOT NULL AND retired_at IS NULL;
CREATE UNIQUE INDEX one_next_signing_key ON signing_keys ((true)) WHERE signs_from IS NULL AND retired_at IS NULL;

CREATE TABLE service_credentials (
    service text NOT NULL,
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    seeded_at timestamptz NOT NULL,
    -- Set when the environment no longer named it; it is good for an overlap after that.
    superseded_at timestamptz,
    PRIMARY KEY (service, secret_hash)
);
