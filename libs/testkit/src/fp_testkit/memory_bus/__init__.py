"""A bus in memory that keeps the promises of the real one, for unit tests."""

from fp_testkit.memory_bus.bus import MemoryBus

__all__ = ["MemoryBus"]
