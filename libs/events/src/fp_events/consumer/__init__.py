"""Taking events: durables that replicas share, broadcasts that every process reads, and what happens on failure."""
