"""How a task that is started again after each failure is doing."""

import random
from collections.abc import Callable
from typing import Final

from fp_kernel import Clock, Error
from fp_kernel.backoff import Backoff

_BACKOFF: Final = Backoff(first=0.5)
_HEALTHY_AFTER: Final = 60.0
_REPEATED: Final = 3  # failures in a row


class Keeper:
    """Counts the failures of one task and says how long to wait after each.

    count: called at each failure.
    """

    def __init__(self, name: str, clock: Clock, count: Callable[[], object]) -> None:
        self.name = name
        self._clock = clock
        self._count = count
        self._began = clock.monotonic()
        self._failures = 0
        self._ours = False
        self._waits = False

    @property
    def failing(self) -> bool:
        """Whether people should look: it failed three times in a row, or by a fault of the program.

        Over once an attempt has lived for a minute or has ended well.
        """
        return (self._failures >= _REPEATED or self._ours) and (self._waits or not self._lives())

    def begins(self) -> None:
        self._began, self._waits = self._clock.monotonic(), False

    def ended(self) -> None:
        self._failures, self._ours = 0, False

    def failed(self, error: Exception) -> float:
        """Seconds until the next attempt."""
        if self._lives():
            self.ended()
        self._count()
        self._failures += 1
        # An outage passes by itself; a TypeError comes again with each attempt, until somebody mends it.
        self._ours = self._ours or not isinstance(error, Error | OSError | TimeoutError)
        self._waits = True
        return _BACKOFF.delay(self._failures, random.random())  # noqa: S311 -- not for secrets

    def _lives(self) -> bool:
        return self._clock.monotonic() - self._began > _HEALTHY_AFTER
