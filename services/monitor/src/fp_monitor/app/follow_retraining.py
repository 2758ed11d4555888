"""A retraining was started, or it failed."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from fp_monitor.app.ports import Transaction, Transactions
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
            for model_name in sorted(await self._models(tx, event)):
                await tx.monitors.lock(event.team, model_name)
                monitor = await tx.monitors.find(event.team, model_name)
                if monitor is None or monitor.config.retrain_pipeline_id != event.pipeline_id:
                    continue
                await tx.monitors.save(replace(monitor, retraining=_after(monitor.retraining, event)))

    async def _models(self, tx: Transaction, event: RetrainingEvent) -> Collection[str]:
        """Whom it concerns. Of a pipeline that several models share, a run that names no report is nobody's, unless a
        model waits for it.
        """
        report = await tx.reports.find(event.team, event.report_id) if event.report_id else None
        if report is not None:
            return (report.model_name,)
        only = await tx.monitors.only_one_of(event.team, event.pipeline_id)
        return (only,) if only else await tx.monitors.retrained_by(event.team, event.execution_id)


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
