"""From chosen targets to an answer: breaker, bulkheads, call, and what may be tried again."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fp_kernel import Clock, DeadlineExceeded, Error, Internal, Kind, RetryBudget, Unavailable
from fp_kernel.tensors import Tensor

from fp_inference.app.breakers import Breakers
from fp_inference.app.bulkhead import Bulkheads
from fp_inference.app.ports import Runtimes
from fp_inference.app.values import Ask, Try
from fp_inference.domain.breaker import Permit
from fp_inference.domain.failures import CIRCUIT_OPEN, FailureReason, failure_reason
from fp_inference.domain.pace import SlowPolicy, slow_after
from fp_inference.domain.routes import Target
from fp_inference.domain.summary import size

# The answer says something of the request and nothing bad of the target.
_HARMLESS = frozenset({Kind.INVALID_ARGUMENT})
# It says nothing of the target at all.
_NEUTRAL = frozenset({Kind.RESOURCE_EXHAUSTED})
_PASSED_ON = frozenset({Kind.INVALID_ARGUMENT, Kind.RESOURCE_EXHAUSTED, Kind.DEADLINE_EXCEEDED})


@dataclass(frozen=True, slots=True)
class ForwardPolicy:
    """timeout: seconds of one call. slow: from when on a silence is the target's fault. attempts: calls of one
    prediction. backoff: seconds before the same target is asked again, doubled each time.
    """

    timeout: float = 10.0
    slow: SlowPolicy = field(default_factory=SlowPolicy)
    attempts: int = 3
    backoff: float = 0.05


@dataclass(frozen=True, slots=True)
class Forwarded:
    target: Target
    outputs: Mapping[str, Tensor]


class Forward:
    """bulkheads: places of all calls of a model, and places of the calls of one of its targets. A version that hangs
    fills its own and leaves the others to the versions that answer.
    """

    def __init__(
        self,
        *,
        runtimes: Runtimes,
        breakers: Breakers,
        bulkheads: tuple[Bulkheads, Bulkheads],
        budget: RetryBudget,
        clock: Clock,
        policy: ForwardPolicy,
    ) -> None:
        self._runtimes = runtimes
        self._breakers = breakers
        self._models, self._targets = bulkheads
        self._budget = budget
        self._clock = clock
        self._policy = policy

    async def __call__(self, targets: Sequence[Target], ask: Ask, tries: list[Try]) -> Forwarded:
        """targets: by preference, at least one. tries: gets each call that was made, in order, whatever becomes of the
        prediction.

        Raises Unavailable (CIRCUIT_OPEN when no target may be called), ResourceExhausted, DeadlineExceeded, Internal,
        InvalidArgument as the runtime said it.
        """
        self._budget.earn()
        target, permit = self._pick(targets)
        entered = False
        try:
            times = max(map(self._runtimes.count, targets))
            room = (ask.caller.team, ask.model_name)
            async with self._models.enter(room, self._left(ask), size(ask.inputs), times):
                entered = True
                return await self._attempts(targets, target, permit, ask, tries)
        finally:
            # From here on each call settles its own permit.
            if not entered:
                self._breakers.of(target).returned(permit)

    async def _attempts(
        self, targets: Sequence[Target], target: Target, permit: Permit, ask: Ask, tries: list[Try]
    ) -> Forwarded:
        for attempt in range(1, self._policy.attempts + 1):
            try:
                return Forwarded(target, await self._enter(targets, target, permit, ask, tries))
            except Error as error:
                outward = _outward(error)
                if outward.kind is not Kind.UNAVAILABLE or attempt == self._policy.attempts:
                    raise outward from error
                later = [other for other in targets if other is not target] + [target]
                await self._pause(later[0] is target, attempt, ask, outward)
                target, permit = self._pick(later)
        raise AssertionError("unreachable")

    async def _pause(self, same: bool, attempt: int, ask: Ask, error: Error) -> None:  # noqa: FBT001 -- private
        """Raises `error` when there is neither budget nor time for another attempt."""
        longest = self._policy.backoff * 2 ** (attempt - 1) if same else 0.0
        seconds = longest * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads retries, guards nothing
        if seconds >= self._left(ask) or not self._budget.spend():
            raise error
        await asyncio.sleep(seconds)

    def _pick(self, targets: Sequence[Target]) -> tuple[Target, Permit]:
        """The first target that may be called and has a place, else the first that may be called."""
        now = self._clock.monotonic()
        first: tuple[Target, Permit] | None = None
        for target in targets:
            breaker = self._breakers.of(target)
            permit = breaker.allow(now)
            if permit is None:
                continue
            if self._targets.has_room(_key(target), self._runtimes.count(target)):
                if first is not None:
                    self._breakers.of(first[0]).returned(first[1])
                return target, permit
            if first is None:
                first = (target, permit)
            else:
                breaker.returned(permit)
        if first is not None:
            return first
        wait = min(self._breakers.of(target).retry_after(now) for target in targets)
        raise Unavailable("no runtime of the model can take calls now", reason=CIRCUIT_OPEN, retry_after=wait)

    async def _enter(
        self, targets: Sequence[Target], target: Target, permit: Permit, ask: Ask, tries: list[Try]
    ) -> Mapping[str, Tensor]:
        entered = False
        try:
            async with self._targets.enter(_key(target), self._left(ask), times=self._runtimes.count(target)):
                entered = True
                return await self._call(targets, target, permit, ask, tries)
        finally:
            if not entered:
                self._breakers.of(target).returned(permit)

    async def _call(
        self, targets: Sequence[Target], target: Target, permit: Permit, ask: Ask, tries: list[Try]
    ) -> Mapping[str, Tensor]:
        guarded = self._breakers.guarded(target)
        seconds = min(self._policy.timeout, self._left(ask))
        if seconds <= 0:
            guarded.breaker.returned(permit)
            raise DeadlineExceeded("the time was over before the model was asked")
        start = self._clock.monotonic()
        try:
            outputs = await self._runtimes.predict(
                target, ask.model_name, ask.inputs, request_id=ask.request_id, seconds=seconds
            )
        except asyncio.CancelledError:
            # The caller's deadline ends its call at about the time at which the runtime's would end.
            waited = self._clock.monotonic() - start
            if waited < self._slow_after(targets, target):
                guarded.breaker.returned(permit)
            else:
                guarded.breaker.failed(permit, self._clock.monotonic())
                tries.append(Try(target, FailureReason.TIMEOUT, waited))
            raise
        except Exception as error:
            known = error if isinstance(error, Error) else Internal("internal error")
            tries.append(Try(target, failure_reason(_outward(known)), self._clock.monotonic() - start))
            hasty = known.kind is Kind.DEADLINE_EXCEEDED and seconds < self._slow_after(targets, target)
            self._settle(target, permit, known, hasty=hasty)
            raise
        now = self._clock.monotonic()
        guarded.breaker.succeeded(permit, now)
        guarded.pace.answered(now - start)
        tries.append(Try(target, None, now - start))
        return outputs

    def _settle(self, target: Target, permit: Permit, error: Error, *, hasty: bool) -> None:
        breaker, now = self._breakers.of(target), self._clock.monotonic()
        if error.kind in _HARMLESS:
            breaker.succeeded(permit, now)
        elif error.kind in _NEUTRAL or hasty:
            breaker.returned(permit)
        else:
            breaker.failed(permit, now, unreachable=error.kind is Kind.UNAVAILABLE)

    def _slow_after(self, targets: Sequence[Target], target: Target) -> float:
        others = [self._breakers.guarded(other).pace for other in targets if other is not target]
        return slow_after(self._policy.slow, self._breakers.guarded(target).pace, others)

    def _left(self, ask: Ask) -> float:
        return ask.deadline - self._clock.monotonic()


def _key(target: Target) -> tuple[str, str]:
    return target.version_id, target.endpoint


def _outward(error: Error) -> Error:
    """What the caller may know: a runtime's refusal of this service is no business of the caller's."""
    if error.kind in _PASSED_ON:
        return error
    if error.kind in (Kind.INTERNAL, Kind.UNIMPLEMENTED):
        return Internal("the model failed", reason="UPSTREAM_ERROR")
    return Unavailable("the model's runtime cannot answer now", reason="UPSTREAM_UNAVAILABLE", retry_after=1.0)
