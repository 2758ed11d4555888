"""Inputs that break are told at once, and not when their window closes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from fp_kernel import Clock, new_id

from fp_monitor.app.ports import Unit
from fp_monitor.domain import quality
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.counts import Integers, layout
from fp_monitor.domain.events import DriftDetected
from fp_monitor.domain.hysteresis import Level
from fp_monitor.domain.kinds import DriftKind, Severity
from fp_monitor.domain.metric import Metric
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.quality import Block, Signs
from fp_monitor.domain.report import Report
from fp_monitor.domain.window import Period


class WatchQuality:
    """Works within one transaction that holds the model's lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(
        self, tx: Unit, monitor: Monitor, baseline: Baseline, rows: Integers, periods: Sequence[Period]
    ) -> Monitor:
        """rows: [event, distribution], the cells of the events; periods: their times. The caller saves the monitor."""
        now, cells = self._clock.now(), layout(baseline.features)
        block, signs = await tx.quality.find(monitor.id) or (None, Signs())
        if block is None or len(block.counts) != cells.cells:
            block = Block(now, periods[0], 0, np.zeros(cells.cells, dtype=np.int64))
        block = block.with_(rows, periods)
        if not block.is_over(now):
            await tx.quality.save(monitor.id, block, signs)
            return monitor
        metrics = quality.judge(quality.signs(cells), block)
        signs, raised = quality.step(signs, metrics)
        await tx.quality.save(monitor.id, None, signs)
        level = replace(monitor.levels.get(DriftKind.DATA, Level()), quality=signs.severity)
        monitor = replace(monitor, levels={**monitor.levels, DriftKind.DATA: level})
        if raised is Severity.OK:
            return monitor
        report = self._report(monitor, block, [each for each in metrics if each.severity is not Severity.OK], raised)
        await tx.reports.add(report)
        tx.outbox.add(DriftDetected(report, monitor.model_id))
        return replace(monitor, reports=report.number, alarms=monitor.alarms + 1)

    def _report(self, monitor: Monitor, block: Block, metrics: Sequence[Metric], severity: Severity) -> Report:
        return Report(
            id=new_id(),
            monitor_id=monitor.id,
            team=monitor.team,
            model_name=monitor.config.model_name,
            version=monitor.served,
            kind=DriftKind.DATA,
            severity=severity,
            metrics=tuple(metrics),
            # Of the block: the window that its predictions are in goes on.
            window_id=new_id(),
            samples=block.samples,
            period=block.period,
            created_at=self._clock.now(),
            number=monitor.reports + 1,
            judged=block.samples,
        )
