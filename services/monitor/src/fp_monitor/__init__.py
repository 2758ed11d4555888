"""monitor: watches served models for drift and lost performance."""
