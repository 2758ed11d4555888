"""The log and the offline view."""
