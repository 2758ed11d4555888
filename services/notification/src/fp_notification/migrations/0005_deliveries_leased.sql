-- outside of a transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_leased ON deliveries (host) WHERE leased_until IS NOT NULL;
