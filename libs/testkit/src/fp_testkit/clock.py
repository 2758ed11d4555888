"""Time that moves when a test says so."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Satisfies `fp_kernel.Clock`. now: where it starts, UTC."""

    def __init__(self, now: datetime = datetime(2013, 3, 1, tzinfo=UTC)) -> None:
        self._now = now
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Both readings move on."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def set_wall(self, now: datetime) -> None:
        """The wall clock is corrected, in either direction; the monotonic reading stays."""
        self._now = now
