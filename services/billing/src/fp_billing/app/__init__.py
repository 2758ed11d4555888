"""What billing does: one use-case a file, and the ports they need."""
