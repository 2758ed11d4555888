"""Tensors, routes, splits, breakers, buckets and summaries; pure."""
