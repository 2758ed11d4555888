"""The stores of the registry in Postgres."""
