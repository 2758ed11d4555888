"""What travels: the event, its envelope and its subject."""
