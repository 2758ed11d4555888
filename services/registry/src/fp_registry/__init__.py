"""Models and versions; CQRS over Postgres and Redis."""
