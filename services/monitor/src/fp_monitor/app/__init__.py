"""Use-cases."""
