"""What the prediction log stores no longer."""

from datetime import UTC, timedelta

from fp_kernel import Clock, PageRequest

from fp_monitor.app.log_ports import LogStores

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
        while old := await self._stores.waste.old(now - _WASTE, _BITE):
            await self._stores.objects.delete(old)
            await self._stores.waste.gone(old)
        while await self._stores.waste.forget_erased(now - self._events - _WASTE, _BITE):
            pass

    async def _days(self) -> None:
        now = self._clock.now()
        after: tuple[str, ...] | None = None
        while policies := await self._stores.reads.kept(PageRequest(_PAGE, after)):
            for each in policies:
                first = now.astimezone(UTC).date() - timedelta(days=each.days)
                async with self._stores.transactions() as tx:
                    await tx.files.remove_before(each, first, now)
            after = (policies[-1].team, policies[-1].model_name)
