"""What the platform does by itself while flights leave: retrainings, canaries, promotions, seen from outside."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import FailedPrecondition

from fp_flights import pipelines, tracking
from fp_flights.story import executions, watch
from fp_flights.story.clock import StoryClock
from fp_flights.story.narrator import Narrator
from fp_flights.story.predictions import Predictions
from fp_flights.story.session import Session

REFUSED = "CHALLENGER_REFUSED"
ALL_BPS = 10_000
_PAUSE = 0.3
# What is under way when the last flight has left: a training ends by itself.
_END_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Chain:
    """Ids of the two pipelines that close the loop."""

    retraining: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """position: the first flight of the replay that was asked after it was seen."""

    version: str
    position: int


async def prepare(session: Session, canary_samples: int) -> Chain:
    deployment = await executions.apply(session, pipelines.canary_deployment(canary_samples))
    retraining = pipelines.retraining(deployment, await tracking.experiment(session.experiment))
    return Chain(await executions.apply(session, retraining), deployment)


@dataclass(slots=True)
class Loop:
    """since: an id of the time when the story began. serving: the version that has all traffic, or had it last.
    shares: of the traffic, by version, as last seen.

    retrainings: executions that a drift report started, by id.
    """

    session: Session
    narrator: Narrator
    chain: Chain
    predicted: Predictions
    clock: StoryClock
    since: str
    serving: str
    shares: dict[str, int] = field(default_factory=dict)
    promotions: list[Promotion] = field(default_factory=list)
    retrainings: dict[str, Any] = field(default_factory=dict)
    sagas: dict[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many challengers were not better."""
        return sum(REFUSED in each.error for each in self.retrainings.values())

    async def follow(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Print what has changed. A training takes its real time: the clock goes slower; a canary lives by traffic."""
        for found, pipeline in ((self.retrainings, self.chain.retraining), (self.sagas, self.chain.deployment)):
            for execution in await executions.listed(self.session, pipeline, self.since):
                before = found.get(execution.id)
                if before is None or before.status != execution.status:
                    found[execution.id] = execution
                    await self._narrate(execution, new=before is None)
        await self._look_at_route()
        self.clock.working = bool(self._under_way(self.retrainings, self.sagas)) and len(self.shares) == 1

    async def end(self) -> None:
        """No flight leaves any more: a training may end, but a canary would see nobody and is called off."""
        asked = [each for each in await watch.reports(self.session, self.since) if each.retrain_requested]
        ends = asyncio.get_running_loop().time() + _END_SECONDS
        while asyncio.get_running_loop().time() < ends:
            await self.look()
            for saga in self._under_way(self.sagas):
                # It may just have ended, or be undone by now.
                with suppress(FailedPrecondition):
                    await executions.cancel(self.session, saga.id, "the replay is over: nobody would meet the canary")
            if len(self.retrainings) >= len(asked) and not self._under_way(self.retrainings, self.sagas):
                return
            await asyncio.sleep(_PAUSE)

    def _under_way(self, *which: dict[str, Any]) -> list[Any]:
        return [each for found in which for each in found.values() if each.status in executions.UNDER_WAY]

    async def _narrate(self, execution: Any, *, new: bool) -> None:
        retraining = execution.id in self.retrainings
        if new and retraining:
            self._say("performance was lost: a retraining has begun, by itself")
        if execution.status in executions.UNDER_WAY:
            return
        if retraining:
            await self._narrate_challenger(execution)
        elif execution.status != pb.EXECUTION_STATUS_COMPLETED:
            self._say(f"the deployment ended undone: {execution.error}")

    async def _narrate_challenger(self, execution: Any) -> None:
        if execution.status == pb.EXECUTION_STATUS_COMPLETED or REFUSED in execution.error:
            measured = executions.output(await executions.get(self.session, execution.id), "evaluate")
            challenger, incumbent = measured.get("metrics") or {}, measured.get("incumbent_metrics") or {}
            numbers = ", ".join(
                f"{name} {challenger[name]:.3f} against {incumbent[name]:.3f}" for name in sorted(incumbent)
            )
            verdict = "is not better and is refused" if REFUSED in execution.error else "is better"
            self._say(f"on the newest weeks the challenger {verdict}: {numbers}")
        else:
            self._say(f"the retraining failed: {execution.error}")

    async def _look_at_route(self) -> None:
        request = inference_pb2.GetRouteRequest(model_name=pipelines.MODEL)
        route = (await patiently(lambda: self.session.inference.GetRoute(request))).route
        shares = {target.version: int(target.weight_bps) for target in route.targets if target.weight_bps}
        before, self.shares = self.shares, shares
        if not before or shares == before:
            return
        parts = " and ".join(f"version {version} {bps / 100:g} %" for version, bps in sorted(shares.items()))
        self._say(f"of the traffic gets {parts}")
        whole = next((version for version, bps in shares.items() if bps == ALL_BPS), None)
        if whole is not None and whole != self.serving:
            self.serving = whole
            self.promotions.append(Promotion(whole, self.predicted.asked))

    def _say(self, text: str) -> None:
        self.narrator.say(f"{self.clock.day()}  {text}")
