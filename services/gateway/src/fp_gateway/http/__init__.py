"""HTTP in front of the same RPCs: a table of routes, protojson bodies, problems for errors."""
