"""Channels to other services, and what a call on them carries and does."""
