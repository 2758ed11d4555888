"""Some flights, as columns."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from fp_flights.features import Matrix

HOLD_OUT_EVERY = 4
FIRST_DAY = np.datetime64("2013-01-01", "s")
Chosen = npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice


@dataclass(frozen=True, slots=True)
class Flights:
    """Flights in the order of their scheduled departure; all arrays have one entry a flight.

    features: float32 [n, 12], columns as in `features.COLUMNS`.
    late: whether it arrived more than 15 minutes late; False for one that never arrived.
    scheduled: scheduled departure, UTC.
    arrival: when it was at its gate, UTC; NaT for one that was cancelled or diverted.
    key: `<carrier><number>-<origin>-<scheduled departure, UTC>`, unique.
    """

    features: Matrix
    late: npt.NDArray[np.bool_]
    scheduled: npt.NDArray[np.datetime64]
    arrival: npt.NDArray[np.datetime64]
    key: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.late)

    def where(self, chosen: Chosen) -> "Flights":
        """The flights of a mask, a slice or an array of places."""
        return Flights(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def first(self, count: int | None) -> "Flights":
        """The first flights; None for all."""
        return self.where(slice(count))

    def every(self, stride: int) -> "Flights":
        """Every stride-th flight, from the first."""
        return self.where(slice(None, None, stride))

    def months(self, *months: int) -> "Flights":
        """Those of these months, UTC as everything here."""
        month = self.scheduled.astype("datetime64[M]").astype(int) % 12 + 1
        return self.where(np.isin(month, months))

    def between(self, start: np.datetime64, end: np.datetime64) -> "Flights":
        """Those scheduled from the start to before the end."""
        return self.where((self.scheduled >= start) & (self.scheduled < end))

    def landed(self) -> npt.NDArray[np.bool_]:
        """Which of them arrived, and so have an outcome."""
        return np.asarray(~np.isnat(self.arrival), dtype=np.bool_)

    def with_outcome(self) -> "Flights":
        return self.where(self.landed())

    def order_of_arrival(self) -> npt.NDArray[np.intp]:
        """Places of those that arrived, the first to arrive first."""
        order = np.argsort(self.arrival, kind="stable")
        return order[: int(self.landed().sum())]

    def held_out(self) -> npt.NDArray[np.bool_]:
        """Every fourth week: whole weeks, because the weather of neighbouring hours is nearly the same."""
        week = (self.scheduled - FIRST_DAY) // np.timedelta64(7, "D")
        return np.asarray(week % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1, dtype=np.bool_)
