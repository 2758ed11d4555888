"""The one place of the tests that reads the machine's time, and the moment at which tests take place.

A test that read the date for itself would pass until the 29th of a month, or fail near midnight. What a test decides
about is passed to it: `MOMENT`, a clock that stands there (`StandingClock`) or one that goes on from there
(`RunningClock`). Only what programs check by their own clock, such as the expiry of a token, is of the machine's time:
`real_now`.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from fp_testkit.clock import ManualClock

# `make proof` runs the tests at other moments: ends of months and years, days on which New York changes its clocks.
MOMENT: Final = datetime.fromisoformat(os.environ.get("FP_TEST_MOMENT", "2027-06-15T12:00:00+00:00"))
# One begin for the whole run, on the reading that all processes of a machine share: time does not go back in a child.
_BEGAN: Final = float(os.environ.setdefault("FP_TEST_BEGAN", repr(time.monotonic())))


class StandingClock(ManualClock):
    """The wall stands at `now` until the test moves it; the monotonic reading goes on, as time-outs need it.

    For whole services: however slow the machine is, the day does not end during the test.
    """

    def __init__(self, now: datetime = MOMENT) -> None:
        super().__init__(now)

    def monotonic(self) -> float:
        return time.monotonic()


class RunningClock:
    """A clock that was at `MOMENT` when the run of tests began, and goes on as the machine's does.

    For what must see the wall move. Those of one run agree, also in other processes.
    """

    def now(self) -> datetime:
        return MOMENT + timedelta(seconds=self.monotonic() - _BEGAN)

    def monotonic(self) -> float:
        return time.monotonic()


def real_now() -> datetime:
    """The machine's time, UTC: for tokens, signed URLs and rows that a program judges by its own clock."""
    return datetime.now(UTC)


def machine_seconds() -> float:
    """Unix seconds of the machine, also where the tests are at another date: for what native code waits for."""
    import time_machine

    if not time_machine.escape_hatch.is_travelling():
        return time.time()
    seconds: float = time_machine.escape_hatch.time.time()
    return seconds
