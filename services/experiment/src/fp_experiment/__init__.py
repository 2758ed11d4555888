"""Experiments, runs, metrics, and the lineage of models."""
