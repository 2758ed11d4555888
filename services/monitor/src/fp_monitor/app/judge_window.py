"""A window closes: it is judged and reported, and its alarm published, in the transaction that closed it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from fp_kernel import Clock, new_id
from fp_telemetry import get_logger

from fp_monitor.app.ports import Transaction
from fp_monitor.domain import drift, performance
from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.counts import layout
from fp_monitor.domain.gap import is_inconclusive, matters, span
from fp_monitor.domain.hysteresis import Level, step
from fp_monitor.domain.metric import DriftKind, Metric, Severity, worst
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Labelled, outcomes
from fp_monitor.domain.report import DriftDetected, Report, RetrainRequest, retrain_request
from fp_monitor.domain.thresholds import Threshold, effective
from fp_monitor.domain.window import MOST_JUDGED, Window

_log = get_logger(__name__)


class JudgeWindow:
    def __init__(self, clock: Clock, observe: Callable[[DriftKind, str], None] = lambda _kind, _outcome: None) -> None:
        """observe: called for every window that was closed, with what its report says; UNJUDGED for one without
        a report, INCONCLUSIVE for one with too large gaps.
        """
        self._clock = clock
        self._observe = observe

    async def __call__(self, tx: Transaction, monitor: Monitor, baseline: Baseline, window: Window) -> Monitor:
        """The monitor as it is after the window, which is gone; the caller saves it.

        Without a report where too few rows could be judged: OK would be a guess.
        """
        metrics, judged = await self._judged(tx, monitor, baseline, window)
        await tx.windows.remove(window.id)
        if judged < max(1, min(monitor.config.min_samples, MOST_JUDGED)):
            self._observe(window.kind, "UNJUDGED")
            _log.warning("too few samples could be judged", model=monitor.config.model_name, judged=judged)
            return monitor
        now = self._clock.now()
        if window.version not in {monitor.served, ""}:
            report = _report(monitor, window, (metrics, judged), worst(metrics), now)
            return await self._publish(tx, monitor, report)
        gaps = await tx.gaps.noticed(window.opened_at, now) if matters(window.kind) else ()
        if is_inconclusive(gaps, monitor.config.duration):
            report = _report(monitor, window, (metrics, judged), Severity.OK, now)
            return await self._publish(tx, monitor, replace(report, gap=span(gaps), inconclusive=True))
        level, severity = step(monitor.levels.get(window.kind, Level()), window.kind, metrics)
        request = retrain_request(monitor.config, monitor.retraining, window.kind, severity, now)
        report = replace(_report(monitor, window, (metrics, judged), severity, now), gap=span(gaps))
        monitor = replace(monitor, levels={**monitor.levels, window.kind: level}, judged=True)
        return await self._publish(tx, *await self._requested(tx, monitor, report, request))

    async def _requested(
        self, tx: Transaction, monitor: Monitor, report: Report, request: RetrainRequest | None
    ) -> tuple[Monitor, Report]:
        """The request is the report's: asked again it is the same one, and a receiver of both acts once."""
        if request is None:
            return monitor, report
        retraining = replace(monitor.retraining, requested_at=report.created_at)
        before = await tx.reports.find(monitor.team, retraining.report_id) if request is RetrainRequest.AGAIN else None
        if before is not None:
            tx.outbox.add(_drift_detected(monitor, before))
            return replace(monitor, retraining=retraining), report
        return replace(monitor, retraining=replace(retraining, report_id=report.id)), replace(report, retrains=True)

    async def _publish(self, tx: Transaction, monitor: Monitor, report: Report) -> Monitor:
        await tx.reports.add(report)
        self._observe(report.kind, "INCONCLUSIVE" if report.inconclusive else report.severity.name)
        alarm = report.severity is not Severity.OK
        if alarm:
            tx.outbox.add(_drift_detected(monitor, report))
        return replace(monitor, reports=report.number, alarms=monitor.alarms + alarm)

    async def _judged(
        self, tx: Transaction, monitor: Monitor, baseline: Baseline, window: Window
    ) -> tuple[tuple[Metric, ...], int]:
        """The statistics, and how many samples are in them."""
        thresholds = [each for each in effective(monitor.config.thresholds) if each.kind is window.kind]
        if window.kind is DriftKind.PERFORMANCE:
            rows = await tx.outcomes.of_window(window.id)
            return await asyncio.to_thread(_performance, rows, baseline, thresholds)
        distributions = baseline.features if window.kind is DriftKind.DATA else baseline.answers
        counts = window.counts
        if counts is None:
            raise RuntimeError(f"window {window.id} has no counts")
        return await asyncio.to_thread(drift.judge, layout(distributions), counts, thresholds), window.samples


def _report(
    monitor: Monitor, window: Window, found: tuple[tuple[Metric, ...], int], severity: Severity, now: datetime
) -> Report:
    return Report(
        id=new_id(),
        monitor_id=monitor.id,
        team=monitor.team,
        model_name=monitor.config.model_name,
        version=window.version or monitor.served,
        kind=window.kind,
        severity=severity,
        metrics=found[0],
        window_id=window.id,
        samples=window.samples,
        period=window.period,
        created_at=now,
        number=monitor.reports + 1,
        judged=found[1],
    )


def _drift_detected(monitor: Monitor, report: Report) -> DriftDetected:
    pipeline = monitor.config.retrain_pipeline_id if report.retrains else ""
    return DriftDetected(report, monitor.model_id, pipeline, monitor.newest_label)


def _performance(
    rows: Sequence[Labelled], baseline: Baseline, thresholds: Sequence[Threshold]
) -> tuple[tuple[Metric, ...], int]:
    known = outcomes(rows, baseline)
    return performance.judge(known, baseline.metrics, thresholds), len(known)
