"""Moving the traffic of a model and rolling it back."""

import asyncio
import json
from collections.abc import Sequence
from hashlib import sha256

from fp_kernel import Error, Kind

from fp_pipeline.app.attempt import Attempt, StepFailed
from fp_pipeline.app.peers import Traffic
from fp_pipeline.app.ports import Deployments
from fp_pipeline.domain.config import FULL_WEIGHT_BPS
from fp_pipeline.domain.deployment import Deployment, SetWeights
from fp_pipeline.domain.promotion import WEIGHTS_BEFORE
from fp_pipeline.domain.traffic import Weights, scaled, share

_DIGITS = 12
_TARGET_UNKNOWN = frozenset({Kind.FAILED_PRECONDITION, Kind.NOT_FOUND})
_SET = "weights_set"


class Shares:
    """For the steps that change a split. Inference is asked what it is: an operator may have set it since.

    Each change is stored in the database before inference is asked to make it.
    """

    def __init__(self, deployments: Deployments, traffic: Traffic, *, pause: float) -> None:
        """pause: seconds between tries while inference does not know the new target yet."""
        self._deployments = deployments
        self._traffic = traffic
        self._pause = pause

    async def candidate(self, attempt: Attempt) -> tuple[Deployment, Weights]:
        """What this execution deployed, and the present weights of all live versions of the model.

        Raises StepFailed when nothing is deployed.
        """
        live = await self._deployments.live(attempt.actor.team, attempt.model)
        ours = _ours(attempt, live)
        if ours is None:
            raise StepFailed("this execution has no live deployment", final=True)
        return ours, await self._present(attempt, live)

    async def move(self, attempt: Attempt, deployment: Deployment, before: Weights, weights: Weights) -> None:
        """Keep what it was before, once, and set the split."""
        facts = {} if WEIGHTS_BEFORE in attempt.step.output else {WEIGHTS_BEFORE: dict(before)}
        change = _set(deployment.team, deployment.model_name, weights)
        await attempt.checkpoint({**facts, _SET: dict(weights)}, change)
        await self._split(attempt, deployment.model_name, weights, "split")

    async def roll_back_traffic(self, attempt: Attempt) -> None:
        """Nothing where nothing was moved, or where the version was alone."""
        stored = attempt.step.output.get(WEIGHTS_BEFORE)
        before = {version: int(weight) for version, weight in stored.items()} if stored else {}
        if sum(before.values()) != FULL_WEIGHT_BPS or len(before) == 1:
            return
        model = attempt.model
        live = await self._deployments.live(attempt.actor.team, model)
        versions = {each.version for each in live}
        if any(weight and version not in versions for version, weight in before.items()):
            # Undeployed meanwhile, since the model was archived: there is nobody to give the traffic back to.
            return
        weights = self._restored(attempt, live, before, await self._present(attempt, live))
        await attempt.checkpoint({}, _set(attempt.actor.team, model, weights))
        await self._split(attempt, model, weights, "unsplit")

    def _restored(self, attempt: Attempt, live: Sequence[Deployment], before: Weights, now: Weights) -> Weights:
        """The split of before, unless someone has set another one since: from that our version is taken out."""
        ours = _ours(attempt, live)
        others = {version: weight for version, weight in now.items() if ours and version != ours.version}
        unchanged = now in (before, attempt.step.output.get(_SET, now))
        if ours is None or unchanged or not any(others.values()):
            return before
        return share(ours.version, 0, others)

    async def _present(self, attempt: Attempt, live: Sequence[Deployment]) -> Weights:
        """Of the live versions. What our own table has was decided here last, and counts while nothing is routed."""
        decided = {each.version: each.weight_bps for each in live}
        if len(live) == 1:
            return decided
        routed = await self._traffic.shares(attempt.actor, live[0].model_name)
        known = {version: routed.get(version, 0) for version in decided}
        return scaled(known) if any(known.values()) else decided

    async def _split(self, attempt: Attempt, model_name: str, weights: Weights, verb: str) -> None:
        # The same step may set another split when it is run again: a key stands for one of them.
        digest = sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()
        key = attempt.name.key(f"{verb}-{digest[:_DIGITS]}")
        while True:
            try:
                await self._traffic.split(attempt.actor, model_name, weights, key)
            except Error as error:
                # Inference hears of a new target by an event, which may still be under way. For peers that are away
                # `Steps` waits.
                if error.kind not in _TARGET_UNKNOWN:
                    raise
                attempt.waits_for = error.message
            else:
                attempt.waits_for = ""
                return
            await asyncio.sleep(self._pause)


def _ours(attempt: Attempt, live: Sequence[Deployment]) -> Deployment | None:
    return next((each for each in live if each.execution_id == attempt.execution.id), None)


def _set(team: str, model_name: str, weights: Weights) -> SetWeights:
    return SetWeights(team, model_name, tuple(weights.items()))
