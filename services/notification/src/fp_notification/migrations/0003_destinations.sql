-- host: whom the delivery calls; empty for one of the code before. leased_until: while someone works on it.
ALTER TABLE deliveries
    ADD COLUMN host         text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN leased_until timestamptz;

-- Hosts of webhooks, for who asks. The row of a host is locked while its deliveries are claimed, so that all replicas
-- together keep its bound. failures: in a row; open_until: it is left alone until then, and then tried by one.
-- channels.failures and channels.open_until are of the code before.
CREATE TABLE destinations (
    host       text COLLATE "C" PRIMARY KEY,
    failures   integer          NOT NULL DEFAULT 0,
    open_until timestamptz
) WITH (fillfactor = 70);

-- How many events it stands for; above one it is the digest of a flood.
ALTER TABLE notifications ADD COLUMN events bigint NOT NULL DEFAULT 1;

-- How many events of one kind and resource a team had in a minute: what goes beyond a few is told in one notification.
CREATE TABLE floods (
    team        text COLLATE "C" NOT NULL,
    event_type  text COLLATE "C" NOT NULL,
    resource_id text COLLATE "C" NOT NULL,
    begins_at   timestamptz      NOT NULL,
    events      bigint           NOT NULL,
    PRIMARY KEY (begins_at, team, event_type, resource_id)
) WITH (fillfactor = 70);
