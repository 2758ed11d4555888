"""Postgres and the bus, as the ports of `app` see them."""
