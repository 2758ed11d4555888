"""A retraining was started, or it failed."""

from dataclasses import dataclass, replace
from datetime import datetime

from fp_monitor.app.ports import Transactions
from fp_monitor.domain.monitor import Retraining


@dataclass(frozen=True, slots=True)
class Heard:
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

    async def __call__(self, heard: Heard) -> None:
        async with self._transactions() as tx:
            if not await tx.fresh(self._consumer, [heard.event_id]):
                return
            models = sorted(await tx.monitors.retraining_by(heard.team, heard.pipeline_id))
            report = await tx.reports.find(heard.team, heard.report_id) if heard.report_id else None
            if report is not None:
                models = [each for each in models if each == report.model_name]
            for model_name in models:
                await tx.monitors.lock(heard.team, model_name)
                monitor = await tx.monitors.find(heard.team, model_name)
                # Of a pipeline that several models share, a run that names no report is nobody's.
                if monitor is None or not (report or len(models) == 1 or _runs(monitor.retraining, heard)):
                    continue
                await tx.monitors.save(replace(monitor, retraining=_after(monitor.retraining, heard)))


def _runs(retraining: Retraining, heard: Heard) -> bool:
    return bool(heard.execution_id) and retraining.execution_id == heard.execution_id


def _after(present: Retraining, heard: Heard) -> Retraining:
    if not heard.failed:
        if present.started_at is not None and heard.at < present.started_at:
            return present
        return replace(present, started_at=heard.at, execution_id=heard.execution_id)
    # An old failure says nothing of a newer start, and neither does that of another run.
    stale = present.started_at is not None and heard.at < present.started_at
    other = bool(present.execution_id and heard.execution_id) and not _runs(present, heard)
    return present if stale or other else Retraining()
