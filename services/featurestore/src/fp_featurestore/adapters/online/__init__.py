"""The online view, in Redis."""
