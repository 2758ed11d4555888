"""pytest plugin: stores, clock, in-process gRPC, contract suites, crash injection."""
