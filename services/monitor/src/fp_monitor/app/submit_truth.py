"""It is known what really happened after some predictions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import Clock, Command

from fp_monitor.app.fill_windows import FillWindows
from fp_monitor.app.ports import PlacedOutcome, StoredPrediction, Transaction, Transactions
from fp_monitor.app.refusals import no_monitor
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Labelled, Truth, check_meaning, check_truths
from fp_monitor.domain.window import stride


@dataclass(frozen=True, slots=True)
class Submitted:
    """accepted: labels that were stored. unmatched: no such prediction is stored (yet). repeated: had a label before,
    and the first one stays.
    """

    accepted: int
    unmatched: tuple[str, ...]
    repeated: tuple[str, ...]


class SubmitTruth:
    def __init__(self, transactions: Transactions, fill_windows: FillWindows, clock: Clock) -> None:
        self._transactions = transactions
        self._fill_windows = fill_windows
        self._clock = clock

    async def __call__(self, team: str, model_name: str, truths: Sequence[Truth], command: Command) -> Submitted:
        """All labels or none. Raises InvalidArgument naming a label, NotFound when the model has no monitor."""
        now = self._clock.now()
        check_truths(truths, now)
        async with self._transactions(command) as tx:
            await tx.monitors.lock(team, model_name)
            monitor = await tx.monitors.find(team, model_name)
            if monitor is None:
                raise no_monitor(model_name)
            baseline = await judged_by(tx, monitor, monitor.served)
            if baseline is not None:
                check_meaning(truths, baseline)
            submitted = await self._submit(tx, replace(monitor, labels_at=now), truths, now)
            await tx.complete(submitted)
        return submitted

    async def _submit(self, tx: Transaction, monitor: Monitor, truths: Sequence[Truth], now: datetime) -> Submitted:
        known = await tx.predictions.known(monitor, [truth.request_id for truth in truths])
        new = [truth for truth in truths if truth.request_id in known and not known[truth.request_id].labelled]
        fresh = {truth.request_id for truth in new}
        if new:
            newest = max(truth.observed_at for truth in new)
            monitor = replace(monitor, newest_label=max(newest, monitor.newest_label or newest))
        await tx.predictions.label(monitor, new, now)
        versions: defaultdict[str, list[Truth]] = defaultdict(list)
        for truth in new:
            versions[known[truth.request_id].version].append(truth)
        for version, labels in versions.items() if monitor.config.enabled else ():
            # A canary that was never promoted has no baseline: the pipeline judges it.
            baseline = await judged_by(tx, monitor, version)
            if baseline is not None:
                monitor = await self._count(tx, monitor, baseline, labels, known)
        await tx.monitors.save(monitor)
        return Submitted(
            len(new),
            tuple(truth.request_id for truth in truths if truth.request_id not in known),
            tuple(truth.request_id for truth in truths if truth.request_id in known and truth.request_id not in fresh),
        )

    async def _count(
        self,
        tx: Transaction,
        monitor: Monitor,
        baseline: Baseline,
        labels: Sequence[Truth],
        known: Mapping[str, StoredPrediction],
    ) -> Monitor:
        """labels: of predictions of one version."""
        done, version = 0, known[labels[0].request_id].version
        while done < len(labels):
            times = [each.observed_at for each in labels[done:]]
            window = await self._fill_windows.window(tx, monitor, DriftKind.PERFORMANCE, times[0], version)
            taken = self._fill_windows.fitting(monitor, window, len(times))
            if not window.samples:
                await tx.windows.save(window)
            step = stride(window.samples + taken)
            if step > stride(window.samples):
                await tx.outcomes.thin(window.id, step)
            placed = [
                PlacedOutcome(place, _labelled(truth, known[truth.request_id]))
                for place, truth in enumerate(labels[done : done + taken], window.samples)
                if place % step == 0
            ]
            await tx.outcomes.add(window.id, placed)
            monitor = await self._fill_windows.fill(tx, monitor, baseline, window, times[:taken])
            done += taken
        return monitor


async def judged_by(tx: Transaction, monitor: Monitor, version: str) -> Baseline | None:
    """What labels of this version are compared with: its own held-out values, or what was chosen for the one served."""
    wanted = monitor.baseline if version == monitor.served else version
    found = await tx.baselines.find(monitor.team, monitor.config.model_name, wanted) if wanted else None
    return found[0] if found else None


def _labelled(truth: Truth, prediction: StoredPrediction) -> Labelled:
    return Labelled(prediction.score, prediction.label, truth.actual, prediction.probabilities)
