"""Moving the traffic of a model and putting it back."""

from fp_kernel import Kind

from fp_pipeline.app.attempt import Attempt, StepFailed
from fp_pipeline.app.executors.patience import patiently
from fp_pipeline.app.peers import Traffic
from fp_pipeline.app.ports import Deployments
from fp_pipeline.domain.config import FULL_WEIGHT_BPS
from fp_pipeline.domain.deployment import Deployment, SetWeights
from fp_pipeline.domain.traffic import Weights

_BEFORE = "weights_before"


class Shares:
    """For the steps that change a split; each change is decided in the database before it is told to inference."""

    def __init__(self, deployments: Deployments, traffic: Traffic, *, pause: float) -> None:
        """pause: seconds between tries while inference does not know the new target yet."""
        self._deployments = deployments
        self._traffic = traffic
        self.pause = pause

    async def candidate(self, attempt: Attempt) -> tuple[Deployment, Weights]:
        """What this execution deployed, and the present weights of the model's other live versions.

        Raises StepFailed when nothing is deployed.
        """
        live = await self._deployments.live(attempt.actor.team, attempt.input_text("model"))
        ours = [each for each in live if each.execution_id == attempt.execution.id]
        if not ours:
            raise StepFailed("this execution has no live deployment", final=True)
        return ours[0], {each.version: each.weight_bps for each in live if each is not ours[0]}

    async def move(self, attempt: Attempt, deployment: Deployment, before: Weights, weights: Weights) -> None:
        """Keep what it was before, once, and set the split."""
        facts = {} if _BEFORE in attempt.step.output else {_BEFORE: dict(before)}
        await attempt.checkpoint(facts, _set(deployment.team, deployment.model_name, weights))
        await self._split(attempt, deployment.model_name, weights, "split")

    async def put_back(self, attempt: Attempt) -> None:
        """Nothing where nothing was moved, or where the version was alone."""
        kept = attempt.step.output.get(_BEFORE)
        before = {version: int(weight) for version, weight in kept.items()} if kept else {}
        if sum(before.values()) != FULL_WEIGHT_BPS or len(before) == 1:
            return
        model = attempt.input_text("model")
        live = {each.version for each in await self._deployments.live(attempt.actor.team, model)}
        if any(weight and version not in live for version, weight in before.items()):
            # Undeployed meanwhile, since the model was archived: there is nobody to give the traffic back to.
            return
        await attempt.checkpoint({}, _set(attempt.actor.team, model, before))
        await self._split(attempt, model, before, "unsplit")

    async def _split(self, attempt: Attempt, model_name: str, weights: Weights, verb: str) -> None:
        key = attempt.name.key(verb)
        await patiently(
            attempt,
            lambda: self._traffic.split(attempt.actor, model_name, weights, key),
            pause=self.pause,
            # Inference hears of a new target by an event, which may still be under way.
            kinds=frozenset({Kind.FAILED_PRECONDITION, Kind.NOT_FOUND}),
        )


def _set(team: str, model_name: str, weights: Weights) -> SetWeights:
    return SetWeights(team, model_name, tuple(weights.items()))
