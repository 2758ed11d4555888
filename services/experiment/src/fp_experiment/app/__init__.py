"""The use-cases of experiment, one a file."""
