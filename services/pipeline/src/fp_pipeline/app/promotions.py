"""Takes a promotion back while the version before is warm: when someone asks, or when its objective is broken.

The decision is one transaction, with the model's turn, so that no execution moves the same traffic. What follows it
(the split, the registry, the end of the promoted runtime) is repeated by whichever replica finds it undone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fp_kernel import Clock, Command, Error, FailedPrecondition, NotFound
from fp_telemetry import get_logger

from fp_pipeline.app.peers import Actor, Promotions, Stage, Traffic
from fp_pipeline.app.ports import PromotionReads, PromotionsEnded, Statistics, Transaction, Transactions
from fp_pipeline.domain.deployment import UndeployReason
from fp_pipeline.domain.events import ModelUndeployed
from fp_pipeline.domain.objective import broken
from fp_pipeline.domain.promotion import (
    COMPARED,
    LOOKBACK,
    Promotion,
    PromotionState,
    of_versions,
)
from fp_pipeline.domain.statistics import total

NO_ROLLBACK = "NO_ROLLBACK"
"""Reason: nothing was promoted that could be taken back; the runtimes before it are gone."""
DEPLOYING = "MODEL_IS_DEPLOYED"
"""Reason: an execution moves the traffic of the model now."""

_log = get_logger(__name__)
_PAGE = 200
# At once: one whose peers take their time must not keep the others waiting.
_LOOKS = 8
# Between two questions whether a version is still used whose warm time is over.
_ASK_AGAIN = timedelta(minutes=1)


class RollBackPromotion:
    def __init__(
        self,
        transactions: Transactions,
        traffic: Traffic,
        registry: Promotions,
        clock: Clock,
        *,
        drain: float,
        ended: PromotionsEnded,
    ) -> None:
        """drain: seconds between the last request to a runtime and its stop."""
        self._transactions = transactions
        self._traffic = traffic
        self._registry = registry
        self._clock = clock
        self._drain = drain
        self._ended = ended

    async def __call__(self, actor: Actor, model_name: str, reason: str, command: Command) -> Promotion:
        """The promotion, ROLLED_BACK; or still ROLLING_BACK when a peer is away, which a replica goes on with.

        Raises NotFound, FailedPrecondition when there is nothing warm to go back to or an execution deploys the model.
        """
        async with self._transactions(command) as tx:
            promotion = await self._decide(tx, actor, model_name, reason, by=actor.user_id)
            await tx.complete(promotion)
        try:
            return await self.go_on(promotion)
        except Error as error:
            _log.warning("a rollback waits", model=model_name, reason=error.message)
            return promotion

    async def for_objective(self, promotion: Promotion, reason: str) -> None:
        """Raises Error; what it decided goes on all the same."""
        actor = Actor(promotion.team, promotion.actor)
        async with self._transactions() as tx:
            found = await tx.promotions.lock(promotion.team, promotion.model_name)
            if found is None or found.execution_id != promotion.execution_id or found.state is not promotion.state:
                return
            decided = await self._decide(tx, actor, promotion.model_name, reason, by="")
        await self.go_on(decided)

    async def go_on(self, promotion: Promotion) -> Promotion:
        """What was decided: the traffic first, which alone is urgent. Each part may be repeated. Raises Error."""
        actor = Actor(promotion.team, promotion.actor)
        await self._take_back(actor, promotion)
        try:
            await unserve(self._registry, actor, promotion)
        except (FailedPrecondition, NotFound) as refusal:
            # The registry would say so each time, and the turn be held until then: the traffic is back, that is what
            # it was for.
            _log.warning(
                "a version that was rolled back keeps its stage", model=promotion.model_name, reason=refusal.message
            )
        return await self._end(promotion)

    async def _take_back(self, actor: Actor, promotion: Promotion) -> None:
        """Nothing once the promoted version has no traffic: what is divided among the others then is no business of a
        promotion. The registry may be away for longer than inference remembers that it was asked already.

        Raises Error, Aborted when somebody divided the traffic just now.
        """
        present = await self._traffic.shares(actor, promotion.model_name)
        if present.weights and not present.weights.get(promotion.version):
            return
        key = promotion.key(f"rollback-{present.revision}")
        await self._traffic.split(actor, promotion.model_name, promotion.after, key, present.revision)

    async def _decide(self, tx: Transaction, actor: Actor, model_name: str, reason: str, *, by: str) -> Promotion:
        promotion = await tx.promotions.lock(actor.team, model_name)
        if promotion is None:
            raise NotFound(f"no promotion of a model '{model_name}'", reason=NO_ROLLBACK)
        if promotion.state is PromotionState.ROLLING_BACK:
            return promotion
        live = await tx.deployments.others(actor.team, model_name, promotion.runtime)
        warm = promotion.warm(each.version for each in live)
        if promotion.state is not PromotionState.WATCHED or warm is None or warm.before != promotion.before:
            text = f"no version of '{model_name}' is kept warm any more: deploy the one to go back to"
            raise FailedPrecondition(text, reason=NO_ROLLBACK)
        holder = await tx.promotions.claim_turn(promotion)
        if holder != promotion.execution_id:
            text = f"execution {holder} deploys '{model_name}' now: cancel it, or wait for its end"
            raise FailedPrecondition(text, reason=DEPLOYING)
        decided = replace(
            promotion, state=PromotionState.ROLLING_BACK, reason=reason, ended_by=by, actor=by or promotion.actor
        )
        await tx.deployments.set_weights(actor.team, model_name, decided.after)
        await tx.promotions.change(decided)
        return decided

    async def _end(self, promotion: Promotion) -> Promotion:
        now = self._clock.now()
        async with self._transactions() as tx:
            found = await tx.promotions.lock(promotion.team, promotion.model_name)
            if found is None or found.state is not PromotionState.ROLLING_BACK:
                return found or promotion
            ended = replace(found, state=PromotionState.ROLLED_BACK, ended_at=now)
            await tx.promotions.change(ended)
            gone = await tx.deployments.undeploy(found.runtime, now + timedelta(seconds=self._drain))
            if gone is not None:
                why = UndeployReason.ROLLBACK if found.ended_by else UndeployReason.OBJECTIVE
                tx.outbox.add(ModelUndeployed(gone, now, why, found.ended_by, found.reason))
            await tx.executions.end(found.execution_id)
        self._ended(ended)
        return ended


class WatchPromotions:
    """Every replica may run it: each step is decided under the lock of the promotion."""

    def __init__(
        self,
        *,
        transactions: Transactions,
        promotions: PromotionReads,
        statistics: Statistics,
        traffic: Traffic,
        roll_back: RollBackPromotion,
        clock: Clock,
        drain: float,
        every: float,
        ended: PromotionsEnded,
    ) -> None:
        """every: seconds between looks."""
        self._transactions = transactions
        self._promotions = promotions
        self._statistics = statistics
        self._traffic = traffic
        self._roll_back = roll_back
        self._clock = clock
        self._drain = drain
        self._every = every
        self._ended = ended
        self._ask_at: dict[tuple[str, str], datetime] = {}

    async def run(self) -> None:
        """Until cancelled; outages are waited out."""
        while True:
            try:
                await self.once()
            except Error as error:
                _log.warning("watching promotions failed", reason=error.message)
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        seen = set()
        page = await self._promotions.unended(None, _PAGE)
        while page:
            seen |= {each.place for each in page}
            await self._look_at(page)
            page = await self._promotions.unended(page[-1], _PAGE) if len(page) == _PAGE else []
        self._ask_at = {place: at for place, at in self._ask_at.items() if place in seen}

    async def _look_at(self, page: Sequence[Promotion]) -> None:
        rest = iter(page)

        async def look() -> None:
            for promotion in rest:
                try:
                    await self._look(promotion)
                except Error as error:
                    _log.warning("a promotion waits", model=promotion.model_name, reason=error.message)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(_LOOKS, len(page))):
                group.create_task(look())

    async def _look(self, promotion: Promotion) -> None:
        now = self._clock.now()
        if promotion.state is PromotionState.ROLLING_BACK:
            await self._roll_back.go_on(promotion)
        elif now >= promotion.warm_until:
            if now < self._ask_at.get(promotion.place, now):
                return
            if await self._used(promotion):
                self._ask_at[promotion.place] = now + _ASK_AGAIN
            else:
                await self._close(promotion)
        elif fault := await self._fault(promotion):
            _log.warning("the objective of a promotion is broken", model=promotion.model_name, reason=fault)
            await self._roll_back.for_objective(promotion, fault)

    async def _fault(self, promotion: Promotion) -> str:
        team, model = promotion.team, promotion.model_name
        recent = await self._statistics.since(team, model, max(promotion.promoted_at, self._clock.now() - LOOKBACK))
        promoted = total(of_versions(recent, [promotion.version]))
        if not promoted.samples:
            return ""
        counted = await self._statistics.since(team, model, promotion.promoted_at - COMPARED)
        return broken(promotion.objective, promoted, total(of_versions(counted, promotion.before)))

    async def _used(self, promotion: Promotion) -> bool:
        """Whether someone has given a version before some traffic again: then it is not ours to stop."""
        routed = (await self._traffic.shares(Actor(promotion.team, promotion.actor), promotion.model_name)).weights
        return any(routed.get(version, 0) for version in promotion.before)

    async def _close(self, promotion: Promotion) -> None:
        """The versions before go, unless an execution deploys the model now: it counts with them."""
        now = self._clock.now()
        async with self._transactions() as tx:
            found = await tx.promotions.lock(promotion.team, promotion.model_name)
            if found is None or found.execution_id != promotion.execution_id or found.state is not promotion.state:
                return
            if await tx.promotions.claim_turn(found) != found.execution_id:
                return
            over = found.over(now)
            await tx.promotions.change(over)
            for other in await tx.deployments.others(found.team, found.model_name, found.runtime):
                if other.version not in found.before:
                    continue
                gone = await tx.deployments.undeploy(other.runtime, now + timedelta(seconds=self._drain))
                if gone is not None:
                    tx.outbox.add(ModelUndeployed(gone, now, UndeployReason.SUPERSEDED, found.actor))
            await tx.executions.end(found.execution_id)
        self._ended(over)


async def unserve(registry: Promotions, actor: Actor, promotion: Promotion) -> None:
    """The promoted version out of PRODUCTION, if it is there: what took it back may have been lost on the way here."""
    found = await registry.settled(actor, promotion.version_id)
    if found.stage is not Stage.PRODUCTION or promotion.incumbent == promotion.version_id:
        return
    if promotion.incumbent:
        await registry.roll_back(actor, promotion.model_id, promotion.key("demote"))
    else:
        await registry.promote(actor, promotion.version_id, Stage.ARCHIVED, promotion.key("demote"))
