"""The read model in Redis. `keys` says what lies where; start there."""
