"""What each type of step does and how it is undone."""
