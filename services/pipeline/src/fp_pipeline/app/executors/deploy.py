"""DEPLOY: a runtime with the version, ready, and known to whoever routes."""

import asyncio
from dataclasses import dataclass, replace

from fp_kernel import AlreadyExists, Clock, Error, Unavailable

from fp_pipeline.app.attempt import Attempt, Outcome, StepFailed
from fp_pipeline.app.peers import ModelRuntime, ModelVersion, Probe, RuntimeSpec, Served, ServedState, Versions
from fp_pipeline.app.ports import Deployments
from fp_pipeline.domain.config import DeployConfig
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.deployment import Deploy, Deployment, DeploymentState, Undeploy, UndeployReason
from fp_pipeline.domain.machine import ANY
from fp_pipeline.domain.replicas import ONE

# Of the step's output: why the version has a process of its own, though it is small.
_ALONE = "runs_alone"


@dataclass(frozen=True, slots=True)
class DeployPolicy:
    """pause: seconds between looks at a runtime that loads. drain: seconds from the last request to the stop.

    shared_bytes: of the largest artifact whose version shares a process with others of its team.
    """

    pause: float = 0.25
    drain: float = 10.0
    shared_bytes: int = 0


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
        spec, endpoint, served = await self._placed(attempt, found)
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
            shared=spec.shared,
            replicas=spec.replicas,
            machine=spec.machine,
        )
        # The address is left out: the output is for people.
        output = {
            "runtime": deployment.runtime,
            "model": found.model_name,
            "version_id": found.version_id,
            "model_id": found.model_id,
            **({"shared": True} if spec.shared else {}),
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

    async def _placed(self, attempt: Attempt, found: ModelVersion) -> tuple[RuntimeSpec, str, Served]:
        config = attempt.config
        replicas, machine = (config.replicas, config.machine) if isinstance(config, DeployConfig) else (ONE, ANY)
        shared = replicas.alone and machine == ANY and 0 < found.size_bytes <= self._policy.shared_bytes
        spec = RuntimeSpec(
            attempt.actor.team, found.version_id, found.model_name, found.version, shared, replicas, machine
        )
        runtime = attempt.name.runtime
        served = Served(ServedState.FAILED, alone=True)
        if spec.shared and not attempt.step.output.get(_ALONE):
            endpoint = await self._runtimes.start(runtime, spec)
            served = await self._ready(attempt, endpoint, spec)
        if served.alone:
            if spec.shared:
                # A resumed attempt must not ask for the runtime by the spec that it no longer has.
                await attempt.checkpoint({_ALONE: True})
            spec = replace(spec, shared=False)
            endpoint = await self._started_alone(runtime, spec)
            served = await self._ready(attempt, endpoint, spec)
        if served.state is ServedState.FAILED:
            raise StepFailed(f"the runtime cannot load the version: {served.reason}", final=True)
        _same_inputs(found, served)
        return spec, endpoint, served

    async def _started_alone(self, runtime: str, spec: RuntimeSpec) -> str:
        try:
            return await self._runtimes.start(runtime, spec)
        except AlreadyExists:
            # It has the name of this attempt in a process that it shared.
            await self._runtimes.stop(runtime)
            return await self._runtimes.start(runtime, spec)

    async def _ready(self, attempt: Attempt, endpoint: str, spec: RuntimeSpec) -> Served:
        """READY or FAILED."""
        while True:
            try:
                served = await self._probe.look(attempt.actor, endpoint, spec)
            except Error as error:
                # It starts, and does not listen yet or cannot verify us yet; the attempt's time bounds this.
                attempt.waits_for = f"the runtime: {error.message}"
            else:
                attempt.waits_for = "the runtime to load the version"
                if served.state is not ServedState.LOADING:
                    return served
            await asyncio.sleep(self._policy.pause)


def _same_inputs(found: ModelVersion, served: Served) -> None:
    if found.inputs and served.inputs and found.inputs - served.optional != served.inputs:
        declared, real = ", ".join(sorted(found.inputs)), ", ".join(sorted(served.inputs))
        raise StepFailed(f"the signature declares the inputs {declared}, but the model takes {real}", final=True)
