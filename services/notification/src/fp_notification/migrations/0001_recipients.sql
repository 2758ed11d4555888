-- Who is told. A person of a team is there from the event of his creation, or from his first choice, on; a rule is a
-- recipient of its own. A person without updated_at never chose anything and has the default channels.

CREATE TABLE recipients (
    team       text COLLATE "C" NOT NULL CHECK (team <> ''),
    id         text COLLATE "C" NOT NULL CHECK (id <> ''),
    kind       text             NOT NULL CHECK (kind IN ('USER', 'RULE')),
    name       text             NOT NULL,
    patterns   text[]           NOT NULL,
    muted      text[]           NOT NULL,
    created_by text             NOT NULL,
    created_at timestamptz      NOT NULL,
    updated_at timestamptz,
    PRIMARY KEY (team, id)
);

CREATE UNIQUE INDEX recipients_rule_name ON recipients (team, name) WHERE kind = 'RULE';
CREATE INDEX recipients_rules ON recipients (team, id DESC) WHERE kind = 'RULE';

-- secret_id names the key that signs for a target; no secret is kept. failures: in a row; open_until: the destination
-- is left alone until then.
CREATE TABLE channels (
    team            text COLLATE "C" NOT NULL,
    recipient       text COLLATE "C" NOT NULL,
    channel         text             NOT NULL CHECK (channel IN ('IN_APP', 'WEBHOOK')),
    enabled         boolean          NOT NULL,
    min_severity    smallint         NOT NULL CHECK (min_severity BETWEEN 1 AND 4),
    target          text             NOT NULL,
    secret_id       text             NOT NULL,
    disabled_reason text             NOT NULL,
    failures        integer          NOT NULL DEFAULT 0,
    open_until      timestamptz,
    PRIMARY KEY (team, recipient, channel),
    FOREIGN KEY (team, recipient) REFERENCES recipients (team, id) ON DELETE CASCADE
);
