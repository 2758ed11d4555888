"""Whether the rows of several callers may share a run, read from the graph."""
