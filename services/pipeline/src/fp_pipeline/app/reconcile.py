"""Brings the runtimes that run to what the deployments say.

A laptop was switched off, a node went away, a worker died between two steps: whatever the cause, a live deployment
without a runtime gets one, a drained one loses it, and a runtime that nobody has a right to ends.
"""

import asyncio
from collections.abc import Mapping, Sequence

from fp_kernel import AlreadyExists, Clock, Error
from fp_telemetry import get_logger

from fp_pipeline.app.peers import ModelRuntime, Probe, RuntimeSpec
from fp_pipeline.app.ports import Deployments, Transactions
from fp_pipeline.app.scale_deployment import FollowScale
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.events import ModelDeployed

_log = get_logger(__name__)
# While pipeline itself is upgraded, a process of before and one of after both look: the one of before is gone by then.
_OVERLAP_SECONDS = 90.0


class Reconciler:
    """Every replica may run it: starts and stops are idempotent by name, and an address changes once."""

    def __init__(
        self,
        transactions: Transactions,
        deployments: Deployments,
        runtimes: ModelRuntime,
        probe: Probe,
        clock: Clock,
        *,
        follow_scale: FollowScale,
        every: float,
    ) -> None:
        """every: seconds between rounds."""
        self._transactions = transactions
        self._deployments = deployments
        self._runtimes = runtimes
        self._probe = probe
        self._clock = clock
        self._follow_scale = follow_scale
        self._every = every
        # Since when each was seen so.
        self._outdated: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled; outages of the store and of the runtimes' keeper are waited out."""
        while True:
            try:
                await self.once()
            except Error as error:
                _log.warning("reconciling failed", reason=error.message)
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        # What runs is read before what should: a runtime that is started in between has its right by then.
        running = dict(await self._runtimes.running())
        for runtime in await self._stop_drained():
            running.pop(runtime, None)
        live = await self._deployments.all_live()
        outcasts = await self._outcasts(live)
        for deployment in live:
            try:
                await self._establish(deployment, running, alone=deployment.version_id in outcasts)
            except Error as error:
                # One that cannot be had, such as another replica where there is no room, keeps the others from nothing.
                _log.warning("runtime not established", runtime=deployment.runtime, reason=error.message)
        await self._stop_orphans(running)
        await self._renew(live)

    async def _renew(self, live: Sequence[Deployment]) -> None:
        """One a round: a node may not have room for a second runtime of each version."""
        now, found = self._clock.monotonic(), await self._runtimes.outdated()
        self._outdated = {name: self._outdated.get(name, now) for name in sorted(found)}
        for deployment in live:
            if now - self._outdated.get(deployment.runtime, now) >= _OVERLAP_SECONDS:
                try:
                    await self._runtimes.start(deployment.runtime, _spec(deployment, shared=deployment.shared))
                    _log.info("runtime is renewed", runtime=deployment.runtime, version=deployment.version)
                except Error as error:
                    # It is tried again as if it were seen for the first time; until then it is the others' turn.
                    self._outdated[deployment.runtime] = now
                    _log.warning("runtime not renewed", runtime=deployment.runtime, reason=error.message)
                return

    async def _stop_drained(self) -> list[str]:
        drained = await self._deployments.drained(self._clock.now())
        for deployment in drained:
            await self._runtimes.stop(deployment.runtime)
            await self._deployments.gone(deployment.runtime)
            _log.info("runtime stopped", runtime=deployment.runtime, version=deployment.version)
        return [deployment.runtime for deployment in drained]

    async def _outcasts(self, live: Sequence[Deployment]) -> frozenset[str]:
        """Ids of versions whose shared runtime refuses them beside others; of those that answer now."""
        places = {(each.team, each.endpoint) for each in live if each.shared}
        found: set[str] = set()
        for team, endpoint in sorted(places):
            try:
                found |= await self._probe.outcasts(team, endpoint)
            except Error as error:
                _log.warning("a shared runtime did not answer", kind=error.kind.value)
        return frozenset(found)

    async def _establish(self, deployment: Deployment, running: Mapping[str, str], *, alone: bool) -> None:
        address, shared = running.get(deployment.runtime), deployment.shared and not alone
        if address is not None and shared != deployment.shared:
            await self._runtimes.stop(deployment.runtime)
            _log.warning("version gets a process of its own", runtime=deployment.runtime, version=deployment.version)
            address = None
        spec = _spec(deployment, shared=shared)
        if address is not None and deployment.scaling:
            await self._follow_scale(deployment, spec)
            return
        if address != deployment.endpoint:
            address = await self._again(deployment, spec, address)
        if (address, shared) != (deployment.endpoint, deployment.shared):
            async with self._transactions() as tx:
                moved = await tx.deployments.move(deployment.runtime, address, shared=shared)
                if moved is not None:
                    tx.outbox.add(ModelDeployed(moved, self._clock.now()))

    async def _again(self, deployment: Deployment, spec: RuntimeSpec, address: str | None) -> str:
        """Where it runs that is gone, as a whole or some of its replicas, or has moved."""
        try:
            found = await self._runtimes.start(deployment.runtime, spec)
        except AlreadyExists:
            if address is None:
                raise
            # A release before started it by another spec: it goes on as it is.
            return address
        _log.warning("runtime was gone and starts again", runtime=deployment.runtime, version=deployment.version)
        return found

    async def _stop_orphans(self, running: Mapping[str, str]) -> None:
        in_use = await self._deployments.in_use(tuple(running))
        for runtime in running.keys() - in_use:
            await self._runtimes.stop(runtime)
            _log.warning("runtime without a deployment stopped", runtime=runtime)


def _spec(deployment: Deployment, *, shared: bool) -> RuntimeSpec:
    return RuntimeSpec(
        deployment.team,
        deployment.version_id,
        deployment.model_name,
        deployment.version,
        shared,
        deployment.replicas,
        deployment.machine,
    )
