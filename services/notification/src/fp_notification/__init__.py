"""What happened, told to those who asked; choreography."""
