"""Tensors, routes, splits, breakers and summaries; pure."""
