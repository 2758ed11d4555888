-- Credentials that ended before their time, until no token that was issued before can be out any more. Services ask for
-- them at their start; between two answers an event tells.
CREATE SEQUENCE withdrawal_revisions;

CREATE TABLE withdrawals (
    kind text NOT NULL CHECK (kind IN ('user', 'team', 'api_key', 'session', 'signing_key', 'execution')),
    id text NOT NULL,
    -- Grows with each change of one identity; taken under the lock of its row.
    revision bigint NOT NULL DEFAULT nextval('withdrawal_revisions'),
    -- NULL: every credential ended. Else the tokens of people's logins that were issued before.
    before timestamptz,
    -- The session that goes on, where `before` ended the others; empty for none.
    spared_session text NOT NULL DEFAULT '',
    -- No token that ended by this lives longer.
    until timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE INDEX withdrawals_by_end ON withdrawals (until);

-- Nothing has read or written these since failed logins are counted in buckets and admins are found by their team.
DROP TABLE login_attempts;
DROP INDEX admins;
