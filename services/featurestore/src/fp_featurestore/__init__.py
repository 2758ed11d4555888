"""Feature values: an append-only log, an online and an offline view."""
