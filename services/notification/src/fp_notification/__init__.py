"""Notifies people and webhooks of events; the pattern on show is choreography."""
