"""What the prediction log stores no longer."""

from datetime import UTC, date, datetime, timedelta

from fp_kernel import Clock, PageRequest

from fp_monitor.app.log_ports import LogStores
from fp_monitor.domain.log import Policy

# Whoever writes an object or reads a file that was replaced has ended by then.
_WASTE = timedelta(hours=1)
_BITE = 1_000
_PAGE = 100


class ForgetLog:
    """Files by their day, objects that are part of nothing, erasures when no event can bring the prediction again."""

    def __init__(self, stores: LogStores, clock: Clock, *, events: timedelta) -> None:
        """events: for how long one may come again."""
        self._stores = stores
        self._clock = clock
        self._events = events

    async def __call__(self) -> None:
        await self._days()
        now = self._clock.now()
        while await self._stores.left.remove_any(now):
            pass
        while old := await self._stores.waste.old(now - _WASTE, _BITE):
            await self._stores.objects.delete(old)
            await self._stores.waste.gone(old)
        over = now - self._events - _WASTE
        while await self._stores.waste.forget_erased(over, _BITE):
            pass
        while await self._stores.entities.forget(over, _BITE):
            pass

    async def _before(self, policy: Policy, day: date, now: datetime) -> int:
        async with self._stores.transactions() as tx:
            return await tx.files.remove_before(policy, day, now)

    async def _days(self) -> None:
        now = self._clock.now()
        after: tuple[str, ...] | None = None
        while policies := await self._stores.reads.kept(PageRequest(_PAGE, after)):
            for each in policies:
                first = now.astimezone(UTC).date() - timedelta(days=each.days)
                while await self._before(each, first, now):
                    pass
            after = (policies[-1].team, policies[-1].model_name)
