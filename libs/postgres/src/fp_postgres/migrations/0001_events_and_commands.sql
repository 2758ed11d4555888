-- What every service's database has: events that leave, events that came, commands that were done.

-- Committed events until the bus has them, and a day longer so that they can be published again.
create table outbox (
    position bigint generated always as identity primary key,
    event_id uuid not null,
    subject text not null,
    headers text not null,
    data bytea not null,
    created_at timestamptz not null default now(),
    published_at timestamptz
);
-- The relay's only question; empty when it is up to date.
create index outbox_unpublished on outbox (position) where published_at is null;
create index outbox_published on outbox (published_at) where published_at is not null;

-- The last sequence number of each resource. Its row lock makes commit order and sequence order the same.
create table outbox_sequences (
    resource_id text primary key,
    last bigint not null
);

-- Events whose effect is here.
create table inbox (
    consumer text not null,
    event_id uuid not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_received on inbox (consumer, received_at);

-- Commands and what they answered.
create table commands (
    team text not null,
    rpc text not null,
    key text not null,
    fingerprint bytea not null,
    response bytea,
    created_at timestamptz not null default now(),
    primary key (team, rpc, key)
);
create index commands_created on commands (created_at);
