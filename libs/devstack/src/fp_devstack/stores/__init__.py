"""The four stores as programs: how each is prepared, started, asked whether it is ready, and stopped."""
