"""Metering periods: the calendar months of UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One month. start: midnight of its first day, UTC."""

    start: datetime

    @property
    def end(self) -> datetime:
        """Midnight after its last day; the start of the next period."""
        late = self.start + timedelta(days=31)
        return late.replace(day=1)

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def period_of(moment: datetime) -> Period:
    first = moment.astimezone(UTC)
    return Period(first.replace(day=1, hour=0, minute=0, second=0, microsecond=0))


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Grace:
    """How long after its end a period still takes what happened in it."""

    length: timedelta

    def is_over(self, period: Period, now: datetime) -> bool:
        return now >= period.end + self.length


def settle(occurred_at: datetime, now: datetime, grace: Grace) -> datetime:
    """The moment at which a fact counts: its own, but not in the future and not in a period that is past its grace.

    What comes too late for its own period is not lost: it counts at the start of the present one.
    """
    if occurred_at >= now:
        return now
    if grace.is_over(period_of(occurred_at), now):
        return period_of(now).start
    return occurred_at
