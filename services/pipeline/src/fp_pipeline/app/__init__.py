"""One file a use-case, and the engine that runs executions."""
