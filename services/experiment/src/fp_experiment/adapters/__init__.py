"""Where it keeps things."""
