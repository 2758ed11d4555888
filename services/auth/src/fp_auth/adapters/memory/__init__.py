"""The stores in memory, for unit tests; they pass the same suite as those in Postgres."""
