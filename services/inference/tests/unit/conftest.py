"""What calls are forwarded to: runtimes that answer what a test says."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

import pytest
from fp_inference.app.breakers import Breakers
from fp_inference.app.bulkhead import BulkheadPolicy, Bulkheads
from fp_inference.app.forward import Forward, Forwarded, ForwardPolicy
from fp_inference.app.values import Ask, Caller, Try
from fp_inference.domain.breaker import BreakerPolicy
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.routes import Target
from fp_kernel import (
    Command,
    Error,
    RetryBudget,
)
from fp_kernel.bucket import Limit
from fp_kernel.signatures import Signature
from fp_kernel.tensors import ElementType, Tensor
from fp_testkit.clock import ManualClock

_OUTPUTS = {"y": Tensor(ElementType.FLOAT32, (1,), b"\0" * 4)}


class FakeRuntimes:
    """answers: by version, errors to raise one after the other; then outputs."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Error]] = {}
        self.called: list[str] = []
        self.ready: set[str] = set()
        self.gate: asyncio.Event | None = None
        self.hanging: set[str] = set()

    async def predict(
        self, target: Target, model_name: str, inputs: Mapping[str, Tensor], *, request_id: str, seconds: float
    ) -> Mapping[str, Tensor]:
        self.called.append(target.version)
        if target.version in self.hanging:
            await asyncio.Event().wait()
        if self.gate is not None:
            await self.gate.wait()
        if self.answers.get(target.version):
            raise self.answers[target.version].pop(0)
        return _OUTPUTS

    async def is_ready(self, target: Target) -> bool:
        return target.version in self.ready

    async def describe(self, target: Target, team: str, model_name: str) -> Signature:
        raise NotImplementedError

    def count(self, target: Target) -> int:
        return 1

    def left_out(self, target: Target) -> int:
        return 0

    async def look(self, targets: Collection[Target]) -> None:
        """Nothing is open."""


class Setting:
    def __init__(self, clock: ManualClock, places: int = 1) -> None:
        self.clock = clock
        self.runtimes = FakeRuntimes()
        self.breakers = Breakers(BreakerPolicy(), clock)
        self.budget = RetryBudget(burst=100.0)
        self.models = Bulkheads(BulkheadPolicy(in_flight=2 * places, waiting=0))
        self.targets = Bulkheads(BulkheadPolicy(in_flight=places, waiting=0))
        self.tries: list[Try] = []
        self._forward = Forward(
            runtimes=self.runtimes,
            breakers=self.breakers,
            bulkheads=(self.models, self.targets),
            budget=self.budget,
            clock=clock,
            policy=ForwardPolicy(backoff=0.0),
        )

    async def forward(self, targets: Sequence[Target], ask: Ask) -> Forwarded:
        self.tries.clear()
        return await self._forward(targets, ask, self.tries)

    def recorded_tries(self) -> list[tuple[str, FailureReason | None]]:
        return [(each.target.version, each.failure) for each in self.tries]

    def ask(self, seconds: float = 10.0) -> Ask:
        caller = Caller("alpha", "user", "", "alpha/user", Limit(1.0, 1), may_pin=False)
        command = Command("alpha", "Predict", "", b"", lambda _: b"")
        deadline = self.clock.monotonic() + seconds
        return Ask("r", caller, "delays", {}, "", "", command, deadline, self.clock.now().date())

    async def fail(self, target: Target, error: Error, times: int) -> None:
        for _ in range(times):
            self.runtimes.answers[target.version] = [error]
            with pytest.raises(Error):
                await self.forward((target,), self.ask())


@pytest.fixture
def forwarding(clock: ManualClock) -> Callable[..., Setting]:
    """places: of a target; a model has twice as many."""
    return lambda places=1: Setting(clock, places)
