"""Postgres and events."""
