-- outside of a transaction
create index concurrently if not exists fp_outbox_held on fp_outbox (held, position) where published_at is null and held is not null
