"""Copies of answered requests for a shadow: compared with what was answered, and thrown away."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fp_kernel import Clock, Error
from fp_kernel.tensors import Tensor
from fp_telemetry import get_logger

from fp_inference.app.tallies import Key, Tallies
from fp_inference.app.values import Ask
from fp_inference.domain.agreement import Agreement, compare
from fp_inference.domain.breaker import Breaker, BreakerPolicy
from fp_inference.domain.routes import Route, Target
from fp_inference.domain.split import FULL, draw
from fp_inference.domain.summary import size

ANSWERED, FAILED, DROPPED = "answered", "failed", "dropped"
_MOST_BREAKERS = 256
# A copy takes this much beside its tensors: many small ones are bounded as few large ones are.
BYTES_OF_COPY = 1_024

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MirrorPolicy:
    """most_bytes: of the copies that wait or are under way, each with `BYTES_OF_COPY` beside its tensors.

    at_once: calls of shadows. timeout: seconds of one.
    """

    most_bytes: int = 16 * 1024 * 1024
    at_once: int = 4
    timeout: float = 10.0


class MirrorMetrics(Protocol):
    def came(self, outcome: str) -> None: ...

    def compared(self, agreement: Agreement) -> None: ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What a shadow is asked."""

    team: str
    model_name: str
    inputs: Mapping[str, Tensor]


class Shadows(Protocol):
    async def shadow(self, target: Target, copied: Copied, *, request_id: str, seconds: float) -> Mapping[str, Tensor]:
        """In the name of the team. Raises what the runtime raised."""
        ...


@dataclass(frozen=True, slots=True)
class _Copy:
    """outputs: that were served."""

    target: Target
    key: Key
    request_id: str
    copied: Copied
    outputs: Mapping[str, Tensor]
    size: int


class Mirror:
    """After the answer, beside everything else: a shadow that is slow, away or wrong costs a count.

    Its calls have breakers of their own: what a version does as a shadow is held against it nowhere else.
    """

    def __init__(
        self,
        shadows: Shadows,
        tallies: Tallies,
        clock: Clock,
        *,
        policy: MirrorPolicy,
        breaker: BreakerPolicy,
        metrics: MirrorMetrics,
    ) -> None:
        self._shadows = shadows
        self._tallies = tallies
        self._clock = clock
        self._policy = policy
        self._breaker_policy = breaker
        self._metrics = metrics
        self._copies: deque[_Copy] = deque()
        self._more = asyncio.Semaphore(0)
        self._breakers: OrderedDict[tuple[str, str], Breaker] = OrderedDict()
        self.bytes = 0

    def offer(self, route: Route, ask: Ask, served: Target, outputs: Mapping[str, Tensor]) -> None:
        """Take a copy of an answered request, if it is one of the share. Never waits and never raises."""
        if route.shadow is None or route.shadowed is None:
            return
        target, share = route.shadowed
        if target is served or (share < FULL and draw("shadow", ask.request_id) % FULL >= share):
            return
        key = (route.team, route.model_name, route.shadow.revision)
        copied = Copied(route.team, ask.model_name, ask.inputs)
        taken = BYTES_OF_COPY + size(ask.inputs) + size(outputs)
        copy = _Copy(target, key, ask.request_id, copied, outputs, taken)
        if self.bytes + copy.size > self._policy.most_bytes:
            self._came(copy, DROPPED)
            return
        self.bytes += copy.size
        self._copies.append(copy)
        self._more.release()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._policy.at_once):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._more.acquire()
            copy = self._copies.popleft()
            try:
                await self._ask(copy)
            except Exception:  # noqa: BLE001 -- logged with its cause
                # What compares may not end what compares the next one.
                _log.exception("a copy for a shadow failed")
                self._came(copy, FAILED)
            finally:
                self.bytes -= copy.size

    async def _ask(self, copy: _Copy) -> None:
        breaker = self._breaker(copy.target)
        permit = breaker.allow(self._clock.monotonic())
        if permit is None:
            self._came(copy, DROPPED)
            return
        try:
            outputs = await self._shadows.shadow(
                copy.target, copy.copied, request_id=f"{copy.request_id}/shadow", seconds=self._policy.timeout
            )
        except Error:
            breaker.failed(permit, self._clock.monotonic())
            self._came(copy, FAILED)
            return
        except BaseException:
            breaker.returned(permit)
            raise
        breaker.succeeded(permit, self._clock.monotonic())
        agreement = compare(copy.outputs, outputs)
        self._metrics.compared(agreement)
        self._came(copy, ANSWERED, agreement)

    def _came(self, copy: _Copy, outcome: str, agreement: Agreement | None = None) -> None:
        self._metrics.came(outcome)
        counts: dict[str, float] = {outcome: 1}
        if agreement is not None:
            counts |= {
                "labels": agreement.labels,
                "agreed": agreement.agreed,
                "numbers": agreement.numbers,
                "difference": agreement.difference,
                "unlike": agreement.unlike,
            }
        self._tallies.count(copy.key, counts)

    def _breaker(self, target: Target) -> Breaker:
        key = (target.version_id, target.endpoint)
        breaker = self._breakers.pop(key, None) or Breaker(self._breaker_policy, self._clock.monotonic())
        self._breakers[key] = breaker
        if len(self._breakers) > _MOST_BREAKERS:
            self._breakers.popitem(last=False)
        return breaker
