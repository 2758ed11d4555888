"""Predict over fakes: a forward that answers, plans and buckets as a test says."""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fp_inference.app.admission import Admission
from fp_inference.app.forward import Forward, Forwarded
from fp_inference.app.limiter import Limiter
from fp_inference.app.mirror import Mirror, MirrorPolicy
from fp_inference.app.places import Places
from fp_inference.app.predict import Predict
from fp_inference.app.quotas import Quotas
from fp_inference.app.replays import Replays
from fp_inference.app.route_report import Arms
from fp_inference.app.route_table import RouteTable
from fp_inference.app.tallies import Tallies
from fp_inference.app.team_limits import TeamLimit, TeamLimits
from fp_inference.app.values import Ask, Caller, Prediction, Replay, Try
from fp_inference.arm_metrics import ArmMetrics
from fp_inference.domain.breaker import BreakerPolicy
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.routes import Route, Target
from fp_inference.domain.shares import Split
from fp_inference.domain.split_plan import plan_split
from fp_kernel import Command
from fp_kernel.bucket import Grant, Limit
from fp_kernel.signatures import Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from inference_fakes.recorder import FakeRecorder
from inference_fakes.routes import FakeDeployments, fresh_routes
from inference_fakes.shadows import MemoryTallies, ShadowMetrics

START = datetime(2013, 3, 1, tzinfo=UTC)
_F = ElementType.FLOAT32
_SIGNATURE = Signature((TensorSpec("x", _F, (-1, 1)),), (TensorSpec("y", _F, (-1, 1)),))
X = Tensor(_F, (1, 1), struct.pack("<f", 2.0))


class FakeLeases:
    def __init__(self) -> None:
        self.empty = False

    async def lease(self, name: str, limit: Limit, least: int, most: int) -> Grant:
        return Grant(0, 2.0) if self.empty else Grant(least)


class Fleet:
    """How many replicas there are, as a test says."""

    count = 1


class FakePlans:
    def __init__(self) -> None:
        self.limit = TeamLimit()

    async def of_team(self, team: str) -> TeamLimit:
        return self.limit


class FakeStore:
    """Says what it has once it may."""

    def __init__(self) -> None:
        self.kept: Sequence[Replay] = ()
        self.speaks = asyncio.Event()
        self.speaks.set()

    async def get(self, digests: Sequence[bytes]) -> Sequence[Replay]:
        await self.speaks.wait()
        return [replay for replay in self.kept if replay.digest in digests]

    async def put(self, replays: Sequence[Replay]) -> None:
        raise NotImplementedError


class FakeForward(Forward):
    """Answers from the first target."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.asked = True
        self.targets: list[list[str]] = []
        self.outputs: Mapping[str, Tensor] = {"y": X}

    async def __call__(self, targets: Sequence[Target], ask: Ask, tries: list[Try]) -> Forwarded:
        self.targets.append([target.version for target in targets])
        if self.asked:
            tries.append(Try(targets[0], FailureReason.UPSTREAM_ERROR if self.error else None, 0.01))
        if self.error:
            raise self.error
        return Forwarded(targets[0], self.outputs)


class Unasked:
    """No shadow is asked here: nothing takes the copies."""


class Setting:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.leases = FakeLeases()
        self.quotas = Quotas(None, clock)
        self.forward = FakeForward()
        self.recorder = FakeRecorder()
        self.table = RouteTable()
        self.deployments = FakeDeployments()
        self.tallies = Tallies(MemoryTallies())
        self.metrics = Metrics("inference")
        self.mirror = Mirror(
            Unasked(),  # type: ignore[arg-type]
            self.tallies,
            clock,
            policy=MirrorPolicy(),
            breaker=BreakerPolicy(),
            metrics=ShadowMetrics(),
        )
        self.store = FakeStore()
        self.plans = FakePlans()
        limiter = Limiter(self.leases, clock)
        self.places = Places(Fleet())
        self.predict = Predict(
            admission=Admission(self.quotas, limiter, TeamLimits(self.plans, limiter, clock), self.places),
            replays=Replays(self.store, clock),
            table=self.table,
            fresh=fresh_routes(self.table, clock, self.deployments),
            forward=self.forward,
            recorder=self.recorder,
            arms=Arms(self.tallies, ArmMetrics(self.metrics)),
            mirror=self.mirror,
            clock=clock,
        )

    def deploy(self, version: str, sequence: int = 1, weight: int = 10_000) -> None:
        target = Target("m", f"id-{version}", version, "h:1", weight, sequence, START, signature=_SIGNATURE)
        self.table.change("alpha", "delays", lambda route: route.deployed(target))

    def split(self, weights: dict[str, int]) -> None:
        def change(route: Route) -> Route:
            return route.with_split(Split(plan_split(route, list(weights.items())), 1, START))

        self.table.change("alpha", "delays", change)

    async def ask(self, request_id: str = "r", *, key: str = "", body: bytes = b"", **changes: Any) -> Prediction:
        caller = Caller("alpha", "user", "key-1", "alpha/user", Limit(100.0, 200), may_pin=changes.pop("pin", False))
        fields = {"model_name": "delays", "inputs": {"x": X}, "version_override": "", "sticky_key": ""} | changes
        command = Command("alpha", "Predict", key, body, lambda prediction: prediction.request_id.encode())
        fields |= {"deadline": float("inf"), "day": self.clock.now().date()}
        return await self.predict(Ask(request_id=request_id, caller=caller, command=command, **fields))
