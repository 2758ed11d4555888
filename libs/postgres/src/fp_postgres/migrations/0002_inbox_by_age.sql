-- outside of a transaction
create index concurrently if not exists fp_inbox_age on fp_inbox (consumer, seen_at)
