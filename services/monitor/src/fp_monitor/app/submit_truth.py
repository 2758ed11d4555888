"""It is known what really happened after some predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fp_kernel import Clock, Command, NotFound

from fp_monitor.app.filling import Filling
from fp_monitor.app.ports import Placed, Transactions, Unit
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.kinds import DriftKind
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Truth, check_meaning, check_truths
from fp_monitor.domain.window import Period


@dataclass(frozen=True, slots=True)
class Submitted:
    """accepted: labels that are kept now. unmatched: no such prediction is known (yet). repeated: had a label before,
    and the first one stays.
    """

    accepted: int
    unmatched: tuple[str, ...]
    repeated: tuple[str, ...]


class SubmitTruth:
    def __init__(self, transactions: Transactions, filling: Filling, clock: Clock) -> None:
        self._transactions = transactions
        self._filling = filling
        self._clock = clock

    async def __call__(self, team: str, model_name: str, truths: Sequence[Truth], command: Command) -> Submitted:
        """All labels or none. Raises InvalidArgument naming a label, NotFound when the model has no monitor."""
        check_truths(truths, self._clock.now())
        async with self._transactions(command) as tx:
            await tx.monitors.lock(team, model_name)
            monitor = await tx.monitors.find(team, model_name)
            if monitor is None:
                raise NotFound(f"model {model_name} has no monitor")
            found = await tx.baselines.find(team, model_name, monitor.baseline) if monitor.baseline else None
            baseline = found[0] if found else None
            if baseline is not None:
                check_meaning(truths, baseline)
            submitted = await self._submit(tx, monitor, baseline, truths)
            await tx.complete(command, submitted)
        return submitted

    async def _submit(
        self, tx: Unit, monitor: Monitor, baseline: Baseline | None, truths: Sequence[Truth]
    ) -> Submitted:
        known = await tx.predictions.known(monitor, [truth.request_id for truth in truths])
        new = [truth for truth in truths if truth.request_id in known and not known[truth.request_id].labelled]
        fresh = {truth.request_id for truth in new}
        watched = [truth for truth in new if known[truth.request_id].version == monitor.served]
        others = [truth for truth in new if known[truth.request_id].version != monitor.served]
        if new:
            newest = max(truth.observed_at for truth in new)
            monitor = replace(monitor, newest_label=max(newest, monitor.newest_label or newest))
        if baseline is None or not monitor.counts:
            watched, others = [], new
        await tx.predictions.label(monitor, [Placed(truth) for truth in others], self._clock.now())
        if baseline is not None and watched:
            monitor = await self._count(tx, monitor, baseline, watched)
        await tx.monitors.save(monitor)
        return Submitted(
            len(new),
            tuple(truth.request_id for truth in truths if truth.request_id not in known),
            tuple(truth.request_id for truth in truths if truth.request_id in known and truth.request_id not in fresh),
        )

    async def _count(self, tx: Unit, monitor: Monitor, baseline: Baseline, watched: list[Truth]) -> Monitor:
        done, now = 0, self._clock.now()
        while done < len(watched):
            periods = [Period(each.observed_at, each.observed_at) for each in watched[done:]]
            window = await self._filling.window(tx, monitor, DriftKind.PERFORMANCE, periods[0])
            taken = self._filling.fitting(monitor, window, len(periods))
            placed = [
                Placed(truth, window.id, window.samples + step)
                for step, truth in enumerate(watched[done : done + taken])
            ]
            await tx.predictions.label(monitor, placed, now)
            monitor = await self._filling.fill(tx, monitor, baseline, window, periods[:taken])
            done += taken
        return monitor
