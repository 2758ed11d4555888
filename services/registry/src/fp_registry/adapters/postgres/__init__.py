"""What the registry stores in Postgres."""
