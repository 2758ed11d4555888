"""Who may change an execution now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """token: grows with every claim; a write with an older one is refused."""

    execution_id: str
    holder: str
    token: int


class LeaseLost(Exception):
    """Another worker took the execution over, or may have: whatever runs for it here must stop."""
