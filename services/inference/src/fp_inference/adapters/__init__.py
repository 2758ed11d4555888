"""Redis, the spool, runtimes, the pipeline's deployments."""
