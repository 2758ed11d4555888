"""Postgres, Redis, the object store and the bus, as the ports of `app` see them."""
