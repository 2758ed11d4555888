-- outside of a transaction
drop index concurrently if exists fp_inbox_seen
