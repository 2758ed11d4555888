"""How many threads a container's CPU quota pays for."""

import math


def threads(*, quota: float | None, usable: int) -> int:
    """Whole threads for a quota in CPUs; more threads than quota would be throttled in the middle of a run.

    quota: None when there is no limit. usable: CPUs that the scheduler may give.
    """
    if quota is None:
        return max(1, usable)
    return max(1, min(usable, math.ceil(quota)))


def parse_cpu_max(text: str) -> float | None:
    """CPUs from cgroup v2 `cpu.max` ("<quota> <period>" or "max <period>"); None for no limit."""
    quota, _, period = text.strip().partition(" ")
    return None if quota == "max" else int(quota) / int(period)
