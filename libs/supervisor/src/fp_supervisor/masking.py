"""What whoever runs a job hides in its log."""

import json
from collections.abc import Mapping, Sequence

SECRETS = "FP_JOB_SECRETS"
"""The variable with a job's secrets, JSON by reference."""
_MASK = b"***"
_SHORTEST = 4


def hidden_in(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """What of the secrets of a job is masked: each value, and each line of one with more; none below four bytes, which
    would stand in half of all lines.
    """
    try:
        values = json.loads(environment.get(SECRETS, "{}")).values()
    except (ValueError, AttributeError):
        return ()
    lines = {line for value in values for line in (value, *value.splitlines()) if isinstance(value, str)}
    return tuple(line.encode() for line in lines if len(line.encode()) >= _SHORTEST and "\n" not in line)


class Mask:
    """hidden: what must not be read; `***` stands in its place."""

    def __init__(self, hidden: Sequence[bytes] = ()) -> None:
        # The longest first: one may be a part of another.
        self._hidden = sorted(hidden, key=len, reverse=True)

    @property
    def longest(self) -> int:
        return max(map(len, self._hidden), default=0)

    def __call__(self, line: bytes) -> bytes:
        for each in self._hidden:
            line = line.replace(each, _MASK)
        return line
