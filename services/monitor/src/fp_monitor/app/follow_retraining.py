"""A retraining was started, or it failed."""

from dataclasses import dataclass, replace
from datetime import datetime

from fp_monitor.app.ports import Transactions
from fp_monitor.domain.monitor import Retraining


@dataclass(frozen=True, slots=True)
class RetrainingEvent:
    """report_id: of the report that it answers; empty for one that a person started, and of a failure.

    failed: it came to nothing, so that the next window may ask again at once.
    """

    event_id: str
    team: str
    pipeline_id: str
    execution_id: str
    report_id: str
    at: datetime
    failed: bool


class FollowRetraining:
    """The cooldown starts with a retraining that runs, not with one that was asked for."""

    def __init__(self, transactions: Transactions, *, consumer: str) -> None:
        self._transactions = transactions
        self._consumer = consumer

    async def __call__(self, event: RetrainingEvent) -> None:
        async with self._transactions() as tx:
            if not await tx.fresh(self._consumer, [event.event_id]):
                return
            models = sorted(await tx.monitors.retraining_by(event.team, event.pipeline_id))
            report = await tx.reports.find(event.team, event.report_id) if event.report_id else None
            if report is not None:
                models = [each for each in models if each == report.model_name]
            for model_name in models:
                await tx.monitors.lock(event.team, model_name)
                monitor = await tx.monitors.find(event.team, model_name)
                # Of a pipeline that several models share, a run that names no report is nobody's.
                if monitor is None or not (report or len(models) == 1 or _runs(monitor.retraining, event)):
                    continue
                await tx.monitors.save(replace(monitor, retraining=_after(monitor.retraining, event)))


def _runs(retraining: Retraining, event: RetrainingEvent) -> bool:
    return bool(event.execution_id) and retraining.execution_id == event.execution_id


def _after(present: Retraining, event: RetrainingEvent) -> Retraining:
    if not event.failed:
        if present.started_at is not None and event.at < present.started_at:
            return present
        return replace(present, started_at=event.at, execution_id=event.execution_id)
    # An old failure says nothing of a newer start, and neither does that of another run.
    stale = present.started_at is not None and event.at < present.started_at
    other = bool(present.execution_id and event.execution_id) and not _runs(present, event)
    return present if stale or other else Retraining()
