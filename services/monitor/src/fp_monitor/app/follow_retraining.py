"""A retraining was started, or it failed."""

from dataclasses import dataclass, replace
from datetime import datetime

from fp_monitor.app.ports import Transactions


@dataclass(frozen=True, slots=True)
class Heard:
    """failed: it came to nothing, so that the next window may ask again at once."""

    event_id: str
    team: str
    pipeline_id: str
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
            for model_name in sorted(await tx.monitors.retraining_by(heard.team, heard.pipeline_id)):
                await tx.monitors.lock(heard.team, model_name)
                monitor = await tx.monitors.find(heard.team, model_name)
                if monitor is None:
                    continue
                present = monitor.retraining
                if heard.failed:
                    # An old failure says nothing of a newer start.
                    stale = present.started_at is not None and heard.at < present.started_at
                    changed = present if stale else replace(present, asked_at=None, started_at=None)
                else:
                    changed = replace(present, started_at=max(heard.at, present.started_at or heard.at))
                await tx.monitors.save(replace(monitor, retraining=changed))
