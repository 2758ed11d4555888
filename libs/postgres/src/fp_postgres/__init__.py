"""Transactions with outbox, inbox and idempotent commands; migrations."""
