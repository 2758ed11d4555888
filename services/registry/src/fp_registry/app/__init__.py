"""The use-cases of the registry, one a file, and their ports."""
