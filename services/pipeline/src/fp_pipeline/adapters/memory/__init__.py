"""The stores in memory, for tests of use-cases and of the engine; they pass the suite of the real ones."""
