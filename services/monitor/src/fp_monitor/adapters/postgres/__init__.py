"""Postgres: the SQL of monitor."""
