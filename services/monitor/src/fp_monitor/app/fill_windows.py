"""Events go into the open window of their kind, which closes when it is full."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fp_kernel import Clock, new_id

from fp_monitor.app.judge_window import JudgeWindow
from fp_monitor.app.ports import Transaction
from fp_monitor.domain.arrays import Integers
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.counts import count, empty, merge
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.window import LABELS_WAIT, Period, Window, closing, is_full, room


class FillWindows:
    """Works within one transaction that holds the model's lock: the place of an event in its window is certain."""

    def __init__(self, clock: Clock, judge_window: JudgeWindow, *, labels_wait: timedelta = LABELS_WAIT) -> None:
        """labels_wait: until so long after a promotion labels come for the version before."""
        self._labels_wait = labels_wait
        self._clock = clock
        self._judge_window = judge_window

    async def count(
        self,
        tx: Transaction,
        monitor: Monitor,
        baseline: Baseline,
        *,
        kind: DriftKind,
        rows: Integers,
        times: Sequence[datetime],
    ) -> Monitor:
        """rows: [event, distribution], the cells of the events; times: of the events, both in order."""
        cells = sum(len(each.cells) for each in (baseline.features if kind is DriftKind.DATA else baseline.answers))
        done = 0
        while done < len(rows):
            window = await self.window(tx, monitor, kind, times[done], monitor.served)
            taken = self.fitting(monitor, window, len(rows) - done)
            counted = count(window.samples, rows[done : done + taken], cells)
            window = replace(window, counts=merge(window.counts or empty(cells), counted))
            monitor = await self.fill(tx, monitor, baseline, window, times[done : done + taken])
            done += taken
        return monitor

    async def window(self, tx: Transaction, monitor: Monitor, kind: DriftKind, at: datetime, version: str) -> Window:
        """The open one, or a new one from this time on, which is not stored yet."""
        found = await tx.windows.open(monitor.id, kind, version)
        if found is not None:
            return found
        now = self._clock.now()
        closes = closing(now, monitor.config.duration if version == monitor.served else self._labels_wait)
        return Window(new_id(), monitor.id, kind, now, closes, 0, Period(at, at), version=version)

    def fitting(self, monitor: Monitor, window: Window, wanted: int) -> int:
        free = room(window.samples, monitor.config.size)
        # A window that a smaller size has made overfull takes one more and closes.
        return wanted if free is None else max(1, min(free, wanted))

    async def fill(
        self, tx: Transaction, monitor: Monitor, baseline: Baseline, window: Window, times: Sequence[datetime]
    ) -> Monitor:
        """The window with samples of these times: stored, or closed when it is full."""
        window = replace(window, samples=window.samples + len(times), period=window.period.with_(times))
        if is_full(window.samples, monitor.config.size):
            return await self._judge_window(tx, monitor, baseline, window)
        await tx.windows.save(window)
        return monitor
