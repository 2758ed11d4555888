"""Loading a model and answering predictions."""
