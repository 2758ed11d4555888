"""The schema, forward only; applied by `fp_postgres.migrate`."""
