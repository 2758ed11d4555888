"""The use-cases of billing, one a file, and their ports."""
