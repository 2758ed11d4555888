"""The clock of the story: the scheduled departure of the flight that is being predicted.

Whatever happens later is not known yet, to nobody. The clock stands still until the next flight leaves, so it goes as
fast as flights are predicted, but never faster than its pace: on the platform a retraining takes its real half minute,
and at the full speed of a replay a month of flights would leave within it. So the clock goes slower while the platform
works on a new version, as it would if a day were a day. Predictions go on all the time.

Nor does it run away from what is known: labels that come weeks after the landings would be those of another story.
"""

import asyncio
import time
from dataclasses import dataclass

import numpy as np

_DAY = np.timedelta64(1, "D")
# Seconds of the wall that may be caught up with after a pause, and that are too short to sleep.
_CREDIT, _LEAST_SLEEP = 0.25, 0.005
# How far what is known may be behind.
LEASH = np.timedelta64(3, "D")


@dataclass(frozen=True, slots=True)
class Pace:
    """Days of the story in a second of the wall, at most. working: while a new version is being made or tried."""

    usual: float = 2.0
    working: float = 0.5

    def times(self, factor: float) -> "Pace":
        return Pace(self.usual * factor, self.working * factor)


class StoryClock:
    """now: UTC. working: whether the platform works on a new version. known: until when everything is written.

    waiting: whether it stands still until more is known.
    """

    def __init__(self, start: np.datetime64, pace: Pace) -> None:
        self.now = start
        self.working = self.waiting = False
        self.known = start
        self._news = asyncio.Event()
        self._pace = pace
        self._due = time.monotonic()
        self._turn = asyncio.Lock()

    async def reach(self, moment: np.datetime64) -> None:
        """Returns when the story has come to that moment; earlier ones are over already."""
        async with self._turn:
            while moment - self.known > LEASH:
                self.now = max(self.now, moment - LEASH)
                self.waiting = True
                self._news.clear()
                await self._news.wait()
            self.waiting = False
            days = max(float((moment - self.now) / _DAY), 0.0)
            pace = self._pace.working if self.working else self._pace.usual
            self._due = max(self._due, time.monotonic() - _CREDIT) + days / pace
            wait = self._due - time.monotonic()
            if wait > _LEAST_SLEEP:
                await asyncio.sleep(wait)
            self.now = max(self.now, moment)

    def know(self, moment: np.datetime64) -> None:
        """All that happened until then is known now."""
        self.known = max(self.known, moment)
        self._news.set()

    def day(self) -> str:
        """For people."""
        return str(self.now.astype("datetime64[D]"))
