"""Drift: statistics, windows and reports. Pure, synchronous."""
