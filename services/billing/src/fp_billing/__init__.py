"""Metered usage, rate plans, quotas and invoices; transactional outbox."""
