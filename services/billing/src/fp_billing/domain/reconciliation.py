"""The comparison of recorded with billed predictions: the difference must be 0."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from fp_billing.domain.meters import Meter


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Units of one meter of a team on a day of UTC.

    recorded: as inference counted them. billed: metered here. repeated: came with the id of a fact that was metered
    before. unrecorded: answered by inference and lost before it could count them as recorded; nobody bills them.
    settled: the two sides were equal when the day was over.
    """

    team: str
    day: date
    meter: Meter
    recorded: int = 0
    billed: int = 0
    repeated: int = 0
    unrecorded: int = 0
    settled: bool = False

    @property
    def difference(self) -> int:
        return self.recorded - self.billed - self.repeated


def taken(team: str, day: date, meter: Meter, quantity: int, *, known: bool) -> Reconciliation:
    """The side of billing, of one fact. day: of the prediction's answer. known: it was metered before."""
    found = Reconciliation(team, day, meter)
    return replace(found, repeated=quantity) if known else replace(found, billed=quantity)


def added(parts: Iterable[Reconciliation]) -> list[Reconciliation]:
    """One a team, day and meter, in the order of these, so that two writers take the rows in one order."""
    sums: dict[tuple[str, date, Meter], Reconciliation] = {}
    for part in parts:
        key = part.team, part.day, part.meter
        before = sums.get(key)
        sums[key] = part if before is None else _sum(before, part)
    return [sums[key] for key in sorted(sums)]


def _sum(one: Reconciliation, other: Reconciliation) -> Reconciliation:
    return replace(
        one,
        recorded=one.recorded + other.recorded,
        billed=one.billed + other.billed,
        repeated=one.repeated + other.repeated,
        unrecorded=one.unrecorded + other.unrecorded,
    )
