-- The life of accounts. A disabled user keeps everything and may not come in; of a deleted one the id stays.
ALTER TABLE users
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN email_verified_at timestamptz,
    -- A deleted user has no address, so that somebody else may have it.
    ALTER COLUMN email DROP NOT NULL,
    ADD CONSTRAINT deleted_users_are_nobody CHECK (deleted_at IS NULL OR (email IS NULL AND name = '' AND password_hash = ''));

-- Sessions as their person sees them: when they were used, and from where they began.
ALTER TABLE refresh_families
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN address text NOT NULL DEFAULT '',
    DROP CONSTRAINT refresh_families_end_reason_check,
    ADD CONSTRAINT refresh_families_end_reason_check CHECK (
        end_reason IN ('logout', 'reuse', 'ended', 'everywhere', 'password', 'disabled'));

-- The erasure of a person takes ended ones too.
CREATE INDEX refresh_families_of_user ON refresh_families (user_id, id);

-- Links that are good once. The code itself is in the mail alone.
CREATE TABLE account_links (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    kind text NOT NULL CHECK (kind IN ('password_reset', 'email_verification')),
    user_id uuid NOT NULL REFERENCES users (id),
    email text NOT NULL,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE INDEX account_links_of_user ON account_links (user_id, kind, created_at);
CREATE INDEX account_links_by_end ON account_links (expires_at);

-- Mails that notification has not taken yet; sealed, since they hold addresses and links.
CREATE TABLE mail_requests (
    id uuid PRIMARY KEY,
    user_id uuid REFERENCES users (id) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- Not sent later: what it is about has ended by then.
    expires_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL
);

CREATE INDEX mail_requests_by_due ON mail_requests (due_at);
CREATE INDEX mail_requests_of_user ON mail_requests (user_id);
