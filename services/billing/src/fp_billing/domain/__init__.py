"""What is counted, what it costs, and when it is too much; no I/O."""
