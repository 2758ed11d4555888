"""PROMOTE: all traffic to the new version, then the registry's PRODUCTION.

The traffic moves first because it can be moved back while the old runtime still runs; the registry's promotion archives
the incumbent and is the point of no easy return. The old runtime goes at the end of the saga.
"""

from fp_pipeline.app.attempt import Attempt, Outcome
from fp_pipeline.app.executors.shares import Shares
from fp_pipeline.app.peers import Promotions, Stage
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.traffic import only


class Promote:
    def __init__(self, shares: Shares, registry: Promotions) -> None:
        self._shares = shares
        self._registry = registry

    async def run(self, attempt: Attempt) -> Outcome:
        deployment, before = await self._shares.candidate(attempt)
        await self._shares.move(attempt, deployment, before, only(deployment.version, before.weights))
        await self._remember(attempt, deployment)
        key = attempt.name.key("promote")
        await self._registry.promote(attempt.actor, deployment.version_id, Stage.PRODUCTION, key)
        return Outcome({"model": deployment.model_name, "version": deployment.version, "runtime": deployment.runtime})

    async def compensate(self, attempt: Attempt) -> JsonObject:
        facts = attempt.step.output
        if "incumbent" in facts and facts["incumbent"] != facts["version_id"]:
            await self._unserve(attempt, str(facts["model_id"]), str(facts["version_id"]), str(facts["incumbent"]))
        await self._shares.roll_back_traffic(attempt)
        return {}

    async def _remember(self, attempt: Attempt, deployment: Deployment) -> None:
        """Who was in PRODUCTION: without it nobody could say what to bring back."""
        if "incumbent" in attempt.step.output:
            return
        incumbent = await self._registry.in_production(attempt.actor, deployment.model_id)
        facts = {"incumbent": incumbent, "version_id": deployment.version_id, "model_id": deployment.model_id}
        await attempt.checkpoint(facts)

    async def _unserve(self, attempt: Attempt, model_id: str, version_id: str, incumbent: str) -> None:
        """The call to promote may have been lost on either side of the registry, or be under way: it is asked."""
        found = await self._registry.settled(attempt.actor, version_id)
        if found.stage is not Stage.PRODUCTION:
            return
        if incumbent:
            await self._registry.roll_back(attempt.actor, model_id, attempt.name.key("demote"))
        else:
            await self._registry.promote(attempt.actor, version_id, Stage.ARCHIVED, attempt.name.key("demote"))
