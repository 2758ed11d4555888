-- Accounts by what another issuer calls a person. Issuer and subject together are the identity, never an address.
CREATE TABLE external_identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    signed_in_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX external_identities_of_user ON external_identities (user_id, signed_in_at);

-- Programs that wait for a person to let them in.
CREATE TABLE device_sign_ins (
    -- SHA-256 of 256 random bits.
    device_hash bytea PRIMARY KEY CHECK (octet_length(device_hash) = 32),
    user_code text NOT NULL UNIQUE,
    program text NOT NULL,
    ends_at timestamptz NOT NULL,
    decided_at timestamptz,
    -- Who let it in; NULL when it was refused.
    user_id uuid REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX device_sign_ins_by_end ON device_sign_ins (ends_at);
CREATE INDEX device_sign_ins_of_user ON device_sign_ins (user_id) WHERE user_id IS NOT NULL;

-- What is good once: answers of providers, codes of programs, tokens of workloads.
CREATE TABLE spent_tokens (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    ends_at timestamptz NOT NULL
);

CREATE INDEX spent_tokens_by_end ON spent_tokens (ends_at);
