-- Failed logins of an account from one address (a digest of both), or of an address. empty_at: when the last of them
-- counts no more; each counts for a while from the one before on.
CREATE TABLE login_buckets (
    kind text NOT NULL CHECK (kind IN ('pair', 'address')),
    key bytea NOT NULL,
    empty_at timestamptz,
    PRIMARY KEY (kind, key)
);

CREATE INDEX login_buckets_by_end ON login_buckets (empty_at);

-- Code before this one still counts here while it runs; the next migration drops it.
DELETE FROM login_attempts;
