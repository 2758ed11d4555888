-- outside of a transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_by_host ON deliveries (host, due_at)
    WHERE status IN ('PENDING', 'RETRYING');
