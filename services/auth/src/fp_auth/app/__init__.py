"""Use-cases: one file, one verb."""
