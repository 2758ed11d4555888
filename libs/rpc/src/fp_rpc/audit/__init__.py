"""Records of who did what and who was refused, on their way to the audit sink."""
