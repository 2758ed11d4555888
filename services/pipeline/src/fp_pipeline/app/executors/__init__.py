"""The types of steps: what each does, and its compensation."""
