"""The feature store as others reach it."""
