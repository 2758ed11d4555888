"""Another number of runtimes of a version that serves: asked for in one row, and followed round by round."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fp_kernel import Clock, Command, Error, FailedPrecondition, invalid
from fp_telemetry import get_logger

from fp_pipeline.app.peers import Actor, ModelRuntime, Probe, RuntimeSpec, Served, ServedState
from fp_pipeline.app.ports import Deployments, Transactions
from fp_pipeline.app.version_runtimes import not_deployed
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.events import ModelDeployed
from fp_pipeline.domain.replicas import MOST, Replicas

_PERCENT = 100
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """most: 0 means as many as `least`. target: 0 means as it is."""

    least: int
    most: int = 0
    target: int = 0

    def over(self, replicas: Replicas) -> Replicas:
        """Raises InvalidArgument naming the field."""
        most, target = self.most or self.least, self.target or replicas.target
        if not 1 <= self.least <= MOST:
            raise invalid("min_replicas", f"must be 1 to {MOST}")
        if not self.least <= most <= MOST:
            raise invalid("max_replicas", f"must be min_replicas to {MOST}")
        if not 1 <= target <= _PERCENT:
            raise invalid("target_percent", f"must be 1 to {_PERCENT}")
        return Replicas(self.least, most, target)


class ScaleDeployment:
    def __init__(
        self, transactions: Transactions, deployments: Deployments, *, asked: Callable[[], object] = lambda: None
    ) -> None:
        """asked: called once for each change."""
        self._transactions = transactions
        self._deployments = deployments
        self._asked = asked

    async def __call__(
        self, actor: Actor, model_name: str, version: str, wanted: Wanted, command: Command
    ) -> Deployment:
        """Raises NotFound, FailedPrecondition when it shares a process, InvalidArgument."""
        async with self._transactions(command) as tx:
            there = await self._there(actor, model_name, version)
            scaled = await tx.deployments.scale(actor.team, model_name, version, wanted.over(there.replicas))
            if scaled is None:
                raise not_deployed(model_name, version)
            await tx.complete(scaled)
        self._asked()
        return scaled

    async def _there(self, actor: Actor, model_name: str, version: str) -> Deployment:
        live = await self._deployments.live(actor.team, model_name)
        found = next((each for each in live if each.version == version), None)
        if found is None:
            raise not_deployed(model_name, version)
        if found.shared:
            raise FailedPrecondition(
                f"version {version} of '{model_name}' shares a process: deploy it with `replicas` in its DEPLOY step",
                reason="RUNTIME_SHARED",
            )
        return found


class FollowScale:
    """A round: what is missing is started, what is ready is announced, and what is too much ends when it has had no new
    calls for some time. Whoever dies leaves it to the next round, in whatever replica.
    """

    def __init__(
        self,
        transactions: Transactions,
        deployments: Deployments,
        runtimes: ModelRuntime,
        probe: Probe,
        clock: Clock,
        *,
        drain: float,
        settled: Callable[[], object] = lambda: None,
    ) -> None:
        """drain: seconds between the last call to a runtime and its end. settled: called when a change is followed."""
        self._transactions = transactions
        self._deployments = deployments
        self._runtimes = runtimes
        self._probe = probe
        self._clock = clock
        self._drain = timedelta(seconds=drain)
        self._settled = settled

    async def __call__(self, deployment: Deployment, spec: RuntimeSpec) -> None:
        target = await self._runtimes.start(deployment.runtime, spec)
        served = await self._look(deployment, target, spec)
        if served.state is ServedState.FAILED:
            # Those that were announced go on; whoever asked sees it with the runtimes.
            _log.warning("a new runtime cannot load the version", runtime=deployment.runtime, reason=served.reason)
        elif served.state is ServedState.READY:
            if target == deployment.endpoint:
                await self._trim(deployment)
            else:
                await self._announce(deployment, target)

    async def _look(self, deployment: Deployment, target: str, spec: RuntimeSpec) -> Served:
        try:
            return await self._probe.look(Actor(deployment.team, ""), target, spec)
        except Error:
            # It starts, and does not listen yet.
            return Served(ServedState.LOADING)

    async def _announce(self, deployment: Deployment, target: str) -> None:
        now = self._clock.now()
        async with self._transactions() as tx:
            moved = await tx.deployments.announce(
                deployment.runtime, deployment.replicas, target, trim_at=now + self._drain
            )
            if moved is not None:
                tx.outbox.add(ModelDeployed(moved, now))

    async def _trim(self, deployment: Deployment) -> None:
        if deployment.trim_at is not None and deployment.trim_at > self._clock.now():
            return
        # Another replica may have announced more since this one read.
        if await self._deployments.find(deployment.runtime) != deployment:
            return
        if not await self._runtimes.trim(deployment.runtime, deployment.replicas):
            return
        if await self._deployments.settle(deployment.runtime, deployment.replicas):
            self._settled()
            _log.info("deployment scaled", runtime=deployment.runtime, replicas=deployment.replicas.least)
