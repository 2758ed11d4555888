create table accounts (
    id text primary key,
    balance bigint not null check (balance >= 0)
);
create table effects (
    id bigint generated always as identity primary key,
    event_id uuid not null
);
