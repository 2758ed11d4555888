"""What was tried: experiments, runs, metrics, and the lineage of models."""
