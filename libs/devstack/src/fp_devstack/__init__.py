"""Real stores as child processes, and the supervisor of a laptop."""
