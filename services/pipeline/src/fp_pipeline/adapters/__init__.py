"""Postgres, peers, supervisor, object store."""
