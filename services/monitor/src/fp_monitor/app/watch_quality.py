"""Inputs that break are reported at once, and not when their window closes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from fp_kernel import Clock, new_id

from fp_monitor.app.ports import Transaction
from fp_monitor.domain import quality
from fp_monitor.domain.arrays import Integers
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.counts import layout
from fp_monitor.domain.hysteresis import Level
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.quality import Alarm, Followed, Signs
from fp_monitor.domain.report import DriftDetected, Report


class WatchQuality:
    """Works within one transaction that holds the model's lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(
        self, tx: Transaction, monitor: Monitor, baseline: Baseline, rows: Integers, times: Sequence[datetime]
    ) -> Monitor:
        """rows: [event, distribution], the cells of the events; times: of the events. The caller saves the monitor."""
        now, cells = self._clock.now(), layout(baseline.features)
        present = Followed(*(await tx.quality.find(monitor.id) or (None, Signs())))
        found = await asyncio.to_thread(quality.follow, cells, present, rows, times, now)
        await tx.quality.save(monitor.id, found.block, found.signs)
        if found.judged:
            level = replace(monitor.levels.get(DriftKind.DATA, Level()), quality=found.signs.severity)
            monitor = replace(monitor, levels={**monitor.levels, DriftKind.DATA: level})
        for alarm in found.alarms:
            report = _report(monitor, alarm, now)
            await tx.reports.add(report)
            tx.outbox.add(DriftDetected(report, monitor.model_id))
            monitor = replace(monitor, reports=report.number, alarms=monitor.alarms + 1)
        return monitor


def _report(monitor: Monitor, alarm: Alarm, now: datetime) -> Report:
    block = alarm.block
    return Report(
        id=new_id(),
        monitor_id=monitor.id,
        team=monitor.team,
        model_name=monitor.config.model_name,
        version=monitor.served,
        kind=DriftKind.DATA,
        severity=alarm.severity,
        metrics=alarm.metrics,
        # Of the block: the window that its predictions are in goes on.
        window_id=new_id(),
        samples=block.samples,
        period=block.period,
        created_at=now,
        number=monitor.reports + 1,
        judged=block.samples,
    )
