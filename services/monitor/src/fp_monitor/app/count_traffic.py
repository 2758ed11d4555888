"""Predictions were made."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from fp_kernel import Clock

from fp_monitor.app.fill_windows import FillWindows
from fp_monitor.app.ports import Transaction, Transactions
from fp_monitor.app.watch_quality import WatchQuality
from fp_monitor.domain.arrays import Integers, np
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.counts import layout
from fp_monitor.domain.health import passed
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Prediction

# Rows whose cells are in memory at once: some 13 MB at 100 features.
_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class PredictionRecorded:
    """One event: its id, whose model it is about, and what it says."""

    event_id: str
    team: str
    model_name: str
    prediction: Prediction


class CountTraffic:
    """Stores predictions for their labels, and counts those of the version in production."""

    def __init__(
        self,
        transactions: Transactions,
        fill_windows: FillWindows,
        clock: Clock,
        *,
        consumer: str,
        unlabelled: timedelta,
    ) -> None:
        """unlabelled: predictions are stored for labels until none came for so long."""
        self._transactions = transactions
        self._clock = clock
        self._quality = WatchQuality(clock)
        self._unlabelled = unlabelled
        self._fill_windows = fill_windows
        self._consumer = consumer

    async def __call__(self, batch: Sequence[PredictionRecorded]) -> None:
        """Once in effect, however often a batch or a part of it comes."""
        async with self._transactions() as tx:
            fresh = await tx.fresh(self._consumer, [each.event_id for each in batch])
            models: defaultdict[tuple[str, str], dict[str, Prediction]] = defaultdict(dict)
            for event in batch:
                if event.event_id in fresh:
                    models[event.team, event.model_name].setdefault(event.prediction.request_id, event.prediction)
            # In one order everywhere: two replicas wait for each other, and do not lock each other out.
            for (team, model_name), predictions in sorted(models.items()):
                await self._model(tx, team, model_name, list(predictions.values()))

    async def _model(self, tx: Transaction, team: str, model_name: str, predictions: list[Prediction]) -> None:
        await tx.monitors.lock(team, model_name)
        monitor = await tx.monitors.find(team, model_name)
        if monitor is None:
            return
        found = await tx.baselines.find(team, model_name, monitor.baseline) if monitor.baseline else None
        baseline = found[0] if found else None
        new = await self._store(tx, monitor, predictions, baseline)
        newest = max(prediction.at for prediction in predictions)
        monitor = replace(monitor, last_event_at=max(newest, monitor.last_event_at or newest))
        arrived = [each for each in predictions if each.request_id in new]
        # Versions beside the one in production are the canary's business, unless nothing else is served.
        monitor = replace(monitor, unwatched=passed(monitor, [each.version for each in arrived]))
        watched = [each for each in arrived if each.version == monitor.served]
        if baseline is not None and monitor.counts and watched:
            monitor = await self._count(tx, monitor, baseline, watched)
        await tx.monitors.save(monitor)

    async def _store(
        self, tx: Transaction, monitor: Monitor, predictions: list[Prediction], baseline: Baseline | None
    ) -> set[str]:
        """Request ids of those that are new; all of them where nothing is stored, because no labels come."""
        if not monitor.awaits_labels(self._clock.now(), self._unlabelled):
            return {each.request_id for each in predictions}
        return await tx.predictions.add(monitor, predictions, baseline.labels if baseline else ())

    async def _count(self, tx: Transaction, monitor: Monitor, baseline: Baseline, watched: list[Prediction]) -> Monitor:
        for part in _parts(watched):
            if baseline.features:
                rows, times = await asyncio.to_thread(_inputs, baseline, part)
                monitor = await self._quality(tx, monitor, baseline, rows, times)
                monitor = await self._fill_windows.count(
                    tx, monitor, baseline, kind=DriftKind.DATA, rows=rows, times=times
                )
            if baseline.answers:
                rows, times = await asyncio.to_thread(_answers, baseline, part)
                monitor = await self._fill_windows.count(
                    tx, monitor, baseline, kind=DriftKind.PREDICTION, rows=rows, times=times
                )
        return monitor


def _parts(watched: Sequence[Prediction]) -> Iterator[list[Prediction]]:
    """Predictions in their order, so many that their rows have a bound in memory."""
    part: list[Prediction] = []
    rows = 0
    for each in watched:
        part.append(each)
        rows += each.rows.count if each.rows else 1
        if rows >= _ROWS:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _inputs(baseline: Baseline, watched: Sequence[Prediction]) -> tuple[Integers, list[datetime]]:
    """The cells of all rows, and their times."""
    cells = layout(baseline.features)
    return _joined(
        watched,
        lambda single: np.array([cells.row(each.inputs(baseline)) for each in single], dtype=np.int64),
        lambda each: each.input_cells(cells, baseline),
    )


def _answers(baseline: Baseline, watched: Sequence[Prediction]) -> tuple[Integers, list[datetime]]:
    cells = layout(baseline.answers)
    return _joined(
        watched,
        lambda single: np.array([cells.row(each.answers(baseline)) for each in single], dtype=np.int64),
        lambda each: each.answer_cells(cells, baseline),
    )


def _joined(
    watched: Sequence[Prediction],
    of_single: Callable[[Sequence[Prediction]], Integers],
    of_rows: Callable[[Prediction], Integers],
) -> tuple[Integers, list[datetime]]:
    """An array for each prediction of one row would take a third more time than one for all that follow each other."""
    found: list[Integers] = []
    times: list[datetime] = []
    for has_rows, group in groupby(watched, key=lambda each: each.rows is not None):
        predictions = list(group)
        if has_rows:
            cells = [of_rows(each) for each in predictions]
            found += cells
            times += [each.at for each, rows in zip(predictions, cells, strict=True) for _ in range(len(rows))]
        else:
            found.append(of_single(predictions))
            times += [each.at for each in predictions]
    return np.concatenate(found), times
