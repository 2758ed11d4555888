"""What notification does, one file a use-case."""
