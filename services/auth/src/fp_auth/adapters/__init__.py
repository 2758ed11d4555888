"""Postgres, argon2, JWT, sealing: what the ports are in production, and in memory for tests."""
