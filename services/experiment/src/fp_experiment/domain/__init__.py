"""The rules of experiments, runs, metrics and lineage."""
