"""The months of the story, at midnight in New York."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from fp_kernel import InvalidArgument

from fp_flights.flights import Flights

# What is learned from first, what is lived through, and where the story ends; UTC.
FIRST: Final = np.datetime64("2013-01-01T05:00:00", "s")
SERVED: Final = np.datetime64("2013-03-01T05:00:00", "s")
END: Final = np.datetime64("2013-10-01T04:00:00", "s")

# Every fourth flight is predicted; 50,000 of them.
STRIDE: Final = 4
_HELD_OUT_WEEKS: Final = 2
_WEEK: Final = np.timedelta64(7, "D")
# With fewer the monitor judges nothing.
_SMALLEST_WINDOW: Final = 8


def iso(moment: np.datetime64) -> str:
    return f"{moment.astype('datetime64[s]')}Z"


@dataclass(frozen=True, slots=True)
class Calendar:
    """everything: all flights of the story. control: held-out flights of the months that were learned from.

    replay: those that are predicted later. Both are a fixed stride of all flights, cancelled ones among them.
    """

    everything: Flights
    control: Flights
    replay: Flights

    @property
    def control_week(self) -> int:
        """Predicted flights that land in a week of the control."""
        return max(int(self.control.landed().sum()) // _HELD_OUT_WEEKS, _SMALLEST_WINDOW)

    @property
    def replay_week(self) -> int:
        """Predicted flights that land in an average week of the replay."""
        weeks = (self.replay.scheduled[-1] - self.replay.scheduled[0]) / _WEEK
        return max(int(self.replay.landed().sum() / max(weeks, 1.0)), _SMALLEST_WINDOW)


def calendar(year: Flights, count: int | None = None, end: np.datetime64 = END) -> Calendar:
    """count: how many flights to replay, at least; a smaller number is a larger stride over the same months.

    Raises InvalidArgument when no flight leaves before the end.
    """
    everything = year.between(FIRST, end)
    winter, later = everything.between(FIRST, SERVED), everything.between(SERVED, end)
    if not len(later):
        raise InvalidArgument(f"no flight leaves from {SERVED} to before {end}")
    stride = STRIDE if count is None else max(len(later) // count, 1)
    return Calendar(everything, winter.where(winter.held_out()).every(stride), later.every(stride))
