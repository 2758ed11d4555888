"""Tensors, schemas, batches and the life of a loaded model; pure."""
