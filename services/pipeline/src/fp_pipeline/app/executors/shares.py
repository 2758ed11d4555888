"""Moving the traffic of a model and rolling it back."""

import asyncio
import json
from collections.abc import Sequence
from hashlib import sha256

from fp_kernel import Aborted, Error, Kind

from fp_pipeline.app.attempt import Attempt, StepFailed
from fp_pipeline.app.peers import Traffic
from fp_pipeline.app.ports import Deployments
from fp_pipeline.domain.config import FULL_WEIGHT_BPS
from fp_pipeline.domain.deployment import Deployment, SetWeights
from fp_pipeline.domain.promotion import WEIGHTS_BEFORE
from fp_pipeline.domain.traffic import Split, Weights, scaled, share

_DIGITS = 12
_TARGET_UNKNOWN = frozenset({Kind.FAILED_PRECONDITION, Kind.NOT_FOUND})
_SET = "weights_set"
# The revision of the route over which they were set.
_OVER = "weights_set_over"


class Shares:
    """For the steps that change a split. Inference is asked what it is: an operator may have set it since.

    Each change is stored in the database before inference is asked to make it, and expects the split that it was made
    of: where somebody set another one in between, the step runs again and starts from that.
    """

    def __init__(self, deployments: Deployments, traffic: Traffic, *, pause: float) -> None:
        """pause: seconds between tries while inference does not know the new target yet."""
        self._deployments = deployments
        self._traffic = traffic
        self._pause = pause

    async def candidate(self, attempt: Attempt) -> tuple[Deployment, Split]:
        """What this execution deployed, and the present split over all live versions of the model.

        Raises StepFailed when nothing is deployed.
        """
        live = await self._deployments.live(attempt.actor.team, attempt.model)
        ours = _ours(attempt, live)
        if ours is None:
            raise StepFailed("this execution has no live deployment", final=True)
        return ours, await self._present(attempt, live)

    async def move(self, attempt: Attempt, deployment: Deployment, before: Split, weights: Weights) -> None:
        """Keep what it was before, once, and set the split."""
        stored = attempt.step.output
        facts = {} if WEIGHTS_BEFORE in stored else {WEIGHTS_BEFORE: dict(before.weights)}
        # What was set already is not set again over what somebody decided since: it is asked for as it was.
        known = stored.get(_OVER) if stored.get(_SET) == dict(weights) else None
        expected = before.revision if known is None else int(known)
        change = _set(deployment.team, deployment.model_name, weights)
        await attempt.checkpoint({**facts, _SET: dict(weights), _OVER: expected}, change)
        try:
            await self._split(attempt, deployment.model_name, weights, "split", expected)
        except Aborted:
            await attempt.checkpoint({_OVER: None})
            raise

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
        present = await self._present(attempt, live)
        weights = self._restored(attempt, live, before, present.weights)
        await attempt.checkpoint({}, _set(attempt.actor.team, model, weights))
        await self._split(attempt, model, weights, "unsplit", present.revision)

    def _restored(self, attempt: Attempt, live: Sequence[Deployment], before: Weights, now: Weights) -> Weights:
        """The split of before, unless someone has set another one since: from that our version is taken out."""
        ours = _ours(attempt, live)
        others = {version: weight for version, weight in now.items() if ours and version != ours.version}
        unchanged = now in (before, attempt.step.output.get(_SET, now))
        if ours is None or unchanged or not any(others.values()):
            return before
        return share(ours.version, 0, others)

    async def _present(self, attempt: Attempt, live: Sequence[Deployment]) -> Split:
        """Of the live versions. What our own table has was decided here last, and counts while nothing is routed."""
        decided = {each.version: each.weight_bps for each in live}
        if len(live) == 1:
            return Split(decided, None)
        routed = await self._traffic.shares(attempt.actor, live[0].model_name)
        known = {version: routed.weights.get(version, 0) for version in decided}
        return Split(scaled(known) if any(known.values()) else decided, routed.revision)

    async def _split(
        self, attempt: Attempt, model_name: str, weights: Weights, verb: str, expected: int | None
    ) -> None:
        # The same step may set another split, or one over another, when it is run again: a key stands for one of them.
        digest = sha256(json.dumps([weights, expected], sort_keys=True).encode()).hexdigest()
        key = attempt.name.key(f"{verb}-{digest[:_DIGITS]}")
        while True:
            try:
                await self._traffic.split(attempt.actor, model_name, weights, key, expected)
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
