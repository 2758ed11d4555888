"""Events between the answer and the bus: files that survive the process."""
