"""The ports in memory, for tests; they pass the suites of the real adapters."""
