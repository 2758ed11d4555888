-- Links by which people who have no account yet join a team. The code itself is in the mail alone.
CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    team text NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    -- A person or a service account; empty for who registers himself.
    invited_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    withdrawn_at timestamptz,
    -- Whether somebody else saw the link, so that who follows it proves nothing about the address.
    link_shown boolean NOT NULL DEFAULT false
);

CREATE INDEX invitations_pending ON invitations (team, id)
    WHERE accepted_at IS NULL AND withdrawn_at IS NULL AND invited_by <> '';
CREATE INDEX invitations_of_address ON invitations (email, created_at);
CREATE INDEX invitations_by_end ON invitations (expires_at);
