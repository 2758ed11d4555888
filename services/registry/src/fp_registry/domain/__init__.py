"""Models, their versions, and the rules by which they move; no I/O."""
