-- Tables of fp_postgres; every service's database has them.

-- Events of committed changes. `position` grows in commit order within a resource; a row stays for a while after it
-- was published, so that it can be published again.
create table fp_outbox (
    position bigint generated always as identity primary key,
    id uuid not null,
    resource_id text not null,
    sequence bigint not null,
    subject text not null,
    envelope bytea not null,
    headers text not null,
    copies integer not null default 0,
    created_at timestamptz not null default now(),
    published_at timestamptz
);

-- The relay's only question: what is not published, oldest first.
create index fp_outbox_unpublished on fp_outbox (position) where published_at is null;

-- The last sequence number of each resource; its row lock makes commit order and sequence order the same.
create table fp_sequences (
    resource_id text collate "C" primary key,
    value bigint not null
) with (fillfactor = 70);

-- What was taken from the bus, in the transaction of its effect.
create table fp_inbox (
    consumer text collate "C" not null,
    event_id uuid not null,
    seen_at timestamptz not null default now(),
    primary key (consumer, event_id)
);

-- Rows arrive in the order of their time: a few pages of summary serve the pruning, a tree would cost every insert.
create index fp_inbox_seen on fp_inbox using brin (seen_at) with (pages_per_range = 32, autosummarize = on);

-- Answers of commands that may be sent twice.
create table fp_commands (
    team text not null,
    rpc text not null,
    key text not null,
    fingerprint bytea not null,
    response bytea,
    created_at timestamptz not null default now(),
    primary key (team, rpc, key)
);

create index fp_commands_created on fp_commands (created_at);
