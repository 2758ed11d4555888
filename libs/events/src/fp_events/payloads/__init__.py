"""Kinds of events that several services publish or read alike."""
