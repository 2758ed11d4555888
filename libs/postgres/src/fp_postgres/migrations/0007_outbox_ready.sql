-- outside of a transaction
create index concurrently if not exists fp_outbox_ready on fp_outbox (position) where published_at is null and held is null
