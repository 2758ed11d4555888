-- A resource that was quiet for as long as its events can be anywhere loses its row. The greatest number that went so is the
-- floor on which every new row starts: a resource that comes back never counts from below where it was.
alter table fp_sequences add column last_at timestamptz not null default now();

create table fp_sequence_floor (
    one boolean primary key default true check (one),
    value bigint not null,
    raised_at timestamptz not null
);
insert into fp_sequence_floor (value, raised_at) values (0, now());

-- For whoever tells the newest number of a resource. Never less than it was, also when the row is gone.
create function fp_last_sequence(resource text) returns bigint language sql stable as $$
    select coalesce(
        (select value from fp_sequences where resource_id = resource),
        (select value from fp_sequence_floor where one)
    )
$$;
