-- outside of a transaction
create index concurrently if not exists fp_outbox_published on fp_outbox (published_at) where published_at is not null
