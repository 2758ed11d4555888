"""DEPLOY: a runtime with the version, ready, and known to whoever routes."""

import asyncio
from dataclasses import dataclass

from fp_kernel import Clock, Error, Unavailable

from fp_pipeline.app.attempt import Attempt, Outcome, StepFailed
from fp_pipeline.app.peers import ModelRuntime, ModelVersion, Probe, RuntimeSpec, Served, ServedState, Versions
from fp_pipeline.app.ports import Deployments
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.deployment import Deploy, Deployment, DeploymentState, Undeploy, UndeployReason


@dataclass(frozen=True, slots=True)
class DeployPolicy:
    """pause: seconds between looks at a runtime that loads. drain: seconds from the last request to the stop."""

    pause: float = 0.25
    drain: float = 10.0


class DeployModel:
    def __init__(
        self,
        *,
        versions: Versions,
        runtimes: ModelRuntime,
        probe: Probe,
        deployments: Deployments,
        clock: Clock,
        policy: DeployPolicy,
    ) -> None:
        self._versions = versions
        self._runtimes = runtimes
        self._probe = probe
        self._deployments = deployments
        self._clock = clock
        self._policy = policy

    async def run(self, attempt: Attempt) -> Outcome:
        model, version = attempt.model_ref, attempt.input_text("version")
        found = await self._versions.version(attempt.actor, model, version)
        await self._turn(attempt, found)
        await self._not_twice(attempt, found)
        spec = RuntimeSpec(attempt.actor.team, found.version_id, found.model_name)
        endpoint = await self._runtimes.start(attempt.name.runtime, spec)
        served = await self._ready(attempt, endpoint, found)
        deployment = Deployment(
            runtime=attempt.name.runtime,
            team=attempt.actor.team,
            model_id=found.model_id,
            model_name=found.model_name,
            version_id=found.version_id,
            version=found.version,
            endpoint=endpoint,
            weight_bps=0,
            execution_id=attempt.execution.id,
            deployed_at=self._clock.now(),
            signature=found.signature or served.signature,
            artifact_digest=found.digest,
        )
        # The address is left out: the output is for people.
        output = {
            "runtime": deployment.runtime,
            "model": found.model_name,
            "version_id": found.version_id,
            "model_id": found.model_id,
        }
        return Outcome(output, (Deploy(deployment),))

    async def ahead(self, attempt: Attempt) -> str:
        """Takes the model's turn, which the execution holds until it ends, before the time of the attempt begins."""
        if not attempt.knows_model:
            return ""
        holder = await self._deployments.take_turn(attempt.actor.team, attempt.model, attempt.execution.id)
        return (
            "" if holder in {"", attempt.execution.id} else f"execution {holder}, which deploys '{attempt.model}' now"
        )

    async def compensate(self, attempt: Attempt) -> JsonObject:
        runtime = attempt.name.runtime
        deployed = await self._deployments.find(runtime)
        if deployed is not None and deployed.state is DeploymentState.LIVE:
            await attempt.checkpoint({}, Undeploy(runtime, UndeployReason.ROLLBACK, self._policy.drain))
            await asyncio.sleep(self._policy.drain)
        await self._runtimes.stop(runtime)
        await self._deployments.gone(runtime)
        return {}

    async def _turn(self, attempt: Attempt, found: ModelVersion) -> None:
        """One execution at a time moves the traffic of a model: two would undo each other's shares."""
        holder = await self._deployments.take_turn(attempt.actor.team, found.model_name, attempt.execution.id)
        if holder != attempt.execution.id:
            raise Unavailable(f"execution {holder}, which deploys '{found.model_name}' now")

    async def _not_twice(self, attempt: Attempt, found: ModelVersion) -> None:
        live = await self._deployments.live(attempt.actor.team, found.model_name)
        for each in live:
            if each.version_id == found.version_id and each.runtime != attempt.name.runtime:
                # Warm after a promotion: no other runtime is needed to go back to it.
                way = "" if each.weight_bps else "; without traffic: `fp models rollback` may return to it"
                text = f"version {found.version} of '{found.model_name}' is deployed already{way}"
                raise StepFailed(text, final=True)

    async def _ready(self, attempt: Attempt, endpoint: str, found: ModelVersion) -> Served:
        while True:
            try:
                served = await self._probe.look(attempt.actor, endpoint, found.model_name)
            except Error as error:
                # It starts, and does not listen yet or cannot verify us yet; the attempt's time bounds this.
                attempt.waits_for = f"the runtime: {error.message}"
            else:
                attempt.waits_for = "the runtime to load the version"
                if served.state is ServedState.READY:
                    _same_inputs(found, served)
                    return served
                if served.state is ServedState.FAILED:
                    raise StepFailed(f"the runtime cannot load the version: {served.reason}", final=True)
            await asyncio.sleep(self._policy.pause)


def _same_inputs(found: ModelVersion, served: Served) -> None:
    if found.inputs and served.inputs and found.inputs - served.optional != served.inputs:
        declared, real = ", ".join(sorted(found.inputs)), ", ".join(sorted(served.inputs))
        raise StepFailed(f"the signature declares the inputs {declared}, but the model takes {real}", final=True)
