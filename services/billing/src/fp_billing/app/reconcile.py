"""Look whether all that inference recorded was billed."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_billing.app.ports import Books, Reads
from fp_billing.domain.periods import day_of

if TYPE_CHECKING:
    from fp_billing.domain.reconciliation import Reconciliation

log = get_logger(__name__)

# After its end a day has this long to become equal: inference counts once a minute, behind its predictions.
_MARGIN: Final = timedelta(hours=1)
_BITE: Final = 1_000
_REPORTED: Final = 100


class Reconcile:
    """Every replica runs it.

    observe: hears how many days, each of one team and meter, are over and not equal; at most 100.
    retained: how long after a day its comparison stays.
    """

    def __init__(
        self, books: Books, reads: Reads, clock: Clock, *, retained: timedelta, observe: Callable[[int], None]
    ) -> None:
        self._books = books
        self._reads = reads
        self._clock = clock
        self._retained = retained
        self._observe = observe
        self._logged: set[Reconciliation] = set()

    async def __call__(self) -> None:
        """Settle days whose sides are equal; report the others, each once and again when its numbers change."""
        now = self._clock.now()
        over = day_of(now - _MARGIN)
        while await self._books.settle(over, _BITE) == _BITE:
            pass
        found = await self._reads.unsettled(over, _REPORTED)
        self._observe(len(found))
        for each in found:
            if each not in self._logged:
                log.error(
                    "usage that inference recorded is not what was billed",
                    team=each.team,
                    day=each.day.isoformat(),
                    meter=each.meter,
                    recorded=each.recorded,
                    billed=each.billed,
                    repeated=each.repeated,
                    difference=each.difference,
                )
        self._logged = set(found)
        while await self._books.forget(day_of(now - self._retained), _BITE) == _BITE:
            pass
