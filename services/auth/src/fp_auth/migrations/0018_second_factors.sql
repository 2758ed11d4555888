-- The second factor of who logs in with a password. sealed: the secret under its data key; wrapped_key: the data key
-- under the key key_id. Until confirmed_at is set no login asks for it. last_step: of the newest code that was used.
CREATE TABLE second_factors (
    user_id      uuid PRIMARY KEY REFERENCES users (id),
    id           uuid        NOT NULL,
    key_id       text        NOT NULL,
    wrapped_key  bytea       NOT NULL,
    sealed       bytea       NOT NULL,
    begun_at     timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0
);

CREATE TABLE recovery_codes (
    user_id   uuid  NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at   timestamptz,
    PRIMARY KEY (user_id, code_hash)
);

-- Wrong codes of an account, from whatever address: who has the password would else guess from many.
ALTER TABLE login_buckets
    DROP CONSTRAINT login_buckets_kind_check,
    ADD CONSTRAINT login_buckets_kind_check CHECK (kind IN ('pair', 'address', 'code'));

ALTER TABLE refresh_families
    DROP CONSTRAINT refresh_families_end_reason_check,
    ADD CONSTRAINT refresh_families_end_reason_check CHECK (
        end_reason IN ('logout', 'reuse', 'ended', 'everywhere', 'password', 'disabled', 'second_factor'));
