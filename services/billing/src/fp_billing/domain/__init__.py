"""Usage, prices and quotas; pure."""
