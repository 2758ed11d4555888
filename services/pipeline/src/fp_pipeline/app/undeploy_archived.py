"""A model was archived: none of its versions serves any more."""

from datetime import datetime, timedelta

from fp_kernel import Clock

from fp_pipeline.app.ports import Transactions
from fp_pipeline.domain.deployment import UndeployReason
from fp_pipeline.domain.events import ModelUndeployed


class UndeployArchived:
    def __init__(self, transactions: Transactions, clock: Clock, *, drain: float) -> None:
        """drain: seconds between the last request to a runtime and its stop."""
        self._transactions = transactions
        self._clock = clock
        self._drain = drain

    async def __call__(self, team: str, model_id: str, model_name: str, archived_at: datetime, actor: str) -> int:
        """How many deployments ended.

        The id decides: a later model of the same name is left alone. So is what was deployed after the archive, of a
        model that was brought back: the event may come late, and twice.
        """
        now, ended = self._clock.now(), 0
        async with self._transactions() as tx:
            promotion = await tx.promotions.lock(team, model_name)
            for live in await tx.deployments.others(team, model_name, ""):
                if live.model_id != model_id or live.deployed_at > archived_at:
                    continue
                gone = await tx.deployments.undeploy(live.runtime, now + timedelta(seconds=self._drain))
                if gone is not None:
                    tx.outbox.add(ModelUndeployed(gone, now, UndeployReason.ARCHIVED, actor))
                    ended += 1
            if (
                promotion is not None
                and promotion.ended_at is None
                and promotion.model_id == model_id
                and promotion.promoted_at <= archived_at
            ):
                # A rollback under way has nobody left to give the traffic to: it would hold the model's turn for ever.
                await tx.promotions.change(promotion.over(now))
                await tx.executions.end(promotion.execution_id)
        return ended
