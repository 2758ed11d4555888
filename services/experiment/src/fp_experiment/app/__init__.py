"""What the experiment service can do."""
