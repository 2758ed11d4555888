"""Logs, traces and metrics, set up by one call."""
