"""A window closes: judged, reported, told, all in the transaction that closed it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from fp_kernel import Clock, new_id

from fp_monitor.app.ports import Unit
from fp_monitor.domain import drift, performance
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.counts import layout
from fp_monitor.domain.events import DriftDetected
from fp_monitor.domain.hysteresis import Level, step
from fp_monitor.domain.kinds import DriftKind, Severity
from fp_monitor.domain.metric import Metric
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Labelled, outcomes
from fp_monitor.domain.report import Report
from fp_monitor.domain.retraining import asks
from fp_monitor.domain.thresholds import Threshold, effective
from fp_monitor.domain.window import Window


class Verdict:
    def __init__(
        self, clock: Clock, observe: Callable[[DriftKind, Severity], None] = lambda _kind, _severity: None
    ) -> None:
        """observe: told of every window that was judged, what its report says."""
        self._clock = clock
        self._observe = observe

    async def __call__(self, tx: Unit, monitor: Monitor, baseline: Baseline, window: Window) -> Monitor:
        """The monitor as it is after the window; the caller saves it."""
        metrics = await self._judged(tx, monitor, baseline, window)
        now = self._clock.now()
        level, severity = step(monitor.levels.get(window.kind, Level()), window.kind, metrics)
        retrains = asks(monitor.config, monitor.retraining, window.kind, severity, now)
        report = Report(
            id=new_id(),
            monitor_id=monitor.id,
            team=monitor.team,
            model_name=monitor.config.model_name,
            version=monitor.served,
            kind=window.kind,
            severity=severity,
            metrics=metrics,
            window_id=window.id,
            samples=window.samples,
            period=window.period,
            created_at=now,
            number=monitor.reports + 1,
            retrains=retrains,
        )
        await tx.reports.add(report)
        await tx.windows.remove(window.id)
        self._observe(window.kind, severity)
        alarm = severity is not Severity.OK
        if alarm:
            pipeline = monitor.config.retrain_pipeline_id if retrains else ""
            tx.outbox.add(DriftDetected(report, monitor.model_id, pipeline, monitor.newest_label))
        return replace(
            monitor,
            levels={**monitor.levels, window.kind: level},
            judged=True,
            reports=report.number,
            alarms=monitor.alarms + alarm,
            retraining=replace(monitor.retraining, asked_at=now) if retrains else monitor.retraining,
        )

    async def _judged(self, tx: Unit, monitor: Monitor, baseline: Baseline, window: Window) -> tuple[Metric, ...]:
        thresholds = [each for each in effective(monitor.config.thresholds) if each.kind is window.kind]
        if window.kind is DriftKind.PERFORMANCE:
            rows = await tx.predictions.of_window(window.id)
            return await asyncio.to_thread(_performance, rows, baseline, thresholds)
        distributions = baseline.features if window.kind is DriftKind.DATA else baseline.answers
        counts = window.counts
        if counts is None:
            raise RuntimeError(f"window {window.id} has no counts")
        return await asyncio.to_thread(drift.judge, layout(distributions), counts, thresholds)


def _performance(rows: Sequence[Labelled], baseline: Baseline, thresholds: Sequence[Threshold]) -> tuple[Metric, ...]:
    return performance.judge(outcomes(rows, baseline), baseline.metrics, thresholds)
