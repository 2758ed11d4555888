-- A recipient is told of an event once. recipient has no foreign key: what a rule was told stays when it goes.
CREATE TABLE notifications (
    id             uuid             PRIMARY KEY,
    team           text COLLATE "C" NOT NULL,
    recipient      text COLLATE "C" NOT NULL,
    kind           text             NOT NULL,
    event_id       uuid             NOT NULL,
    event_type     text             NOT NULL,
    source         text             NOT NULL,
    resource_id    text             NOT NULL,
    severity       smallint         NOT NULL CHECK (severity BETWEEN 1 AND 4),
    title          text             NOT NULL,
    body           text             NOT NULL,
    channels       text[]           NOT NULL,
    in_app         boolean          NOT NULL,
    created_at     timestamptz      NOT NULL,
    read_at        timestamptz,
    correlation_id text             NOT NULL,
    trace          text             NOT NULL,
    CONSTRAINT notifications_once UNIQUE (team, recipient, event_id)
);

CREATE INDEX notifications_feed ON notifications (team, recipient, id DESC) WHERE in_app;
CREATE INDEX notifications_unread ON notifications (team, recipient, id) WHERE in_app AND read_at IS NULL;

-- What leaves the house. due_at of a delivery that someone works on is the end of his lease; token counts the claims.
CREATE TABLE deliveries (
    notification_id uuid        NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    channel         text        NOT NULL,
    status          text        NOT NULL
        CHECK (status IN ('PENDING', 'RETRYING', 'DELIVERED', 'FAILED', 'SUPPRESSED')),
    attempts        integer     NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,
    token           bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (notification_id, channel)
) WITH (fillfactor = 70);

CREATE INDEX deliveries_due ON deliveries (due_at) WHERE status IN ('PENDING', 'RETRYING');

-- The log: one row an attempt, never changed.
CREATE TABLE attempts (
    id              uuid             PRIMARY KEY,
    team            text COLLATE "C" NOT NULL,
    recipient       text COLLATE "C" NOT NULL,
    kind            text             NOT NULL,
    notification_id uuid             NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    channel         text             NOT NULL,
    status          text             NOT NULL,
    number          integer          NOT NULL,
    response_code   integer          NOT NULL,
    error           text             NOT NULL,
    attempted_at    timestamptz      NOT NULL
);

CREATE INDEX attempts_of_person ON attempts (team, recipient, id DESC) WHERE kind = 'USER';
CREATE INDEX attempts_of_rules ON attempts (team, id DESC) WHERE kind = 'RULE';
CREATE INDEX attempts_of_notification ON attempts (notification_id, id);
