-- Mails about accounts. sealed: address and parameters, encrypted; empty once the mail has ended, and an address that
-- nobody needs any more is not stored. response_code: of the mail server, of the last attempt.
CREATE TABLE mails (
    id             uuid             PRIMARY KEY,
    team           text COLLATE "C" NOT NULL,
    template       text             NOT NULL,
    sealed         bytea            NOT NULL,
    status         text             NOT NULL CHECK (status IN ('PENDING', 'RETRYING', 'DELIVERED', 'FAILED')),
    attempts       integer          NOT NULL DEFAULT 0,
    response_code  integer          NOT NULL DEFAULT 0,
    due_at         timestamptz      NOT NULL,
    leased_until   timestamptz,
    token          bigint           NOT NULL DEFAULT 0,
    created_at     timestamptz      NOT NULL,
    ended_at       timestamptz,
    correlation_id text             NOT NULL,
    trace          text             NOT NULL,
    CHECK ((ended_at IS NULL) = (status IN ('PENDING', 'RETRYING'))),
    CHECK (ended_at IS NULL OR sealed = '')
) WITH (fillfactor = 70);

CREATE INDEX mails_due ON mails (due_at) WHERE status IN ('PENDING', 'RETRYING');
