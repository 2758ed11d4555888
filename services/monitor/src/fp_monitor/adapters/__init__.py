"""Stores and events."""
