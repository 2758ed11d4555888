"""Rules of feature views and their values; no I/O."""
