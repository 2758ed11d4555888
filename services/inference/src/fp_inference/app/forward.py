"""From a chosen target to its answer: breaker, bulkhead, call, and what may be tried again."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_kernel import Clock, DeadlineExceeded, Error, Internal, Kind, RetryBudget, Unavailable
from fp_kernel.tensors import Tensor

from fp_inference.app.breakers import Breakers
from fp_inference.app.bulkhead import Bulkheads
from fp_inference.app.ports import Runtimes
from fp_inference.app.values import Ask
from fp_inference.domain.breaker import Permit
from fp_inference.domain.failures import CIRCUIT_OPEN
from fp_inference.domain.routes import Target

# The answer says something of the request and nothing bad of the target.
_HARMLESS = frozenset({Kind.INVALID_ARGUMENT})
# It says nothing of the target at all.
_NEUTRAL = frozenset({Kind.RESOURCE_EXHAUSTED})
_PASSED_ON = frozenset({Kind.INVALID_ARGUMENT, Kind.RESOURCE_EXHAUSTED, Kind.DEADLINE_EXCEEDED})


@dataclass(frozen=True, slots=True)
class ForwardPolicy:
    """timeout: seconds of one call. slow: a call that got at least this long and did not answer counts against its
    target; a shorter one was the caller's choice. attempts: calls of one prediction. backoff: seconds before the same
    target is asked again, doubled each time.
    """

    timeout: float = 10.0
    slow: float = 1.0
    attempts: int = 3
    backoff: float = 0.05


@dataclass(frozen=True, slots=True)
class Forwarded:
    target: Target
    outputs: Mapping[str, Tensor]


class Forward:
    def __init__(
        self,
        *,
        runtimes: Runtimes,
        breakers: Breakers,
        bulkheads: Bulkheads,
        budget: RetryBudget,
        clock: Clock,
        policy: ForwardPolicy,
    ) -> None:
        self._runtimes = runtimes
        self._breakers = breakers
        self._bulkheads = bulkheads
        self._budget = budget
        self._clock = clock
        self._policy = policy

    async def __call__(self, targets: Sequence[Target], ask: Ask) -> Forwarded:
        """targets: by preference, at least one.

        Raises Unavailable (CIRCUIT_OPEN when no target may be called), ResourceExhausted, DeadlineExceeded, Internal,
        InvalidArgument as the runtime said it.
        """
        self._budget.earn()
        target, permit = self._pick(targets)
        inside = False
        try:
            async with self._bulkheads.enter((ask.caller.team, ask.model_name), self._left(ask)):
                inside = True
                return await self._attempts(targets, target, permit, ask)
        finally:
            # From here on each call settles its own permit.
            if not inside:
                self._breakers.of(target).returned(permit)

    async def _attempts(self, targets: Sequence[Target], target: Target, permit: Permit, ask: Ask) -> Forwarded:
        for attempt in range(1, self._policy.attempts + 1):
            try:
                return Forwarded(target, await self._call(target, permit, ask))
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
        now = self._clock.monotonic()
        for target in targets:
            permit = self._breakers.of(target).allow(now)
            if permit is not None:
                return target, permit
        wait = min(self._breakers.of(target).retry_after(now) for target in targets)
        raise Unavailable("no runtime of the model can take calls now", reason=CIRCUIT_OPEN, retry_after=wait)

    async def _call(self, target: Target, permit: Permit, ask: Ask) -> Mapping[str, Tensor]:
        breaker = self._breakers.of(target)
        seconds = min(self._policy.timeout, self._left(ask))
        if seconds <= 0:
            breaker.returned(permit)
            raise DeadlineExceeded("the time was over before the model was asked")
        try:
            outputs = await self._runtimes.predict(
                target, ask.model_name, ask.inputs, request_id=ask.request_id, seconds=seconds
            )
        except Error as error:
            now = self._clock.monotonic()
            if error.kind in _HARMLESS:
                breaker.succeeded(permit, now)
            elif error.kind in _NEUTRAL or (error.kind is Kind.DEADLINE_EXCEEDED and seconds < self._policy.slow):
                breaker.returned(permit)
            else:
                breaker.failed(permit, now, unreachable=error.kind is Kind.UNAVAILABLE)
            raise
        except BaseException:
            breaker.returned(permit)
            raise
        breaker.succeeded(permit, self._clock.monotonic())
        return outputs

    def _left(self, ask: Ask) -> float:
        return ask.deadline - self._clock.monotonic()


def _outward(error: Error) -> Error:
    """What the caller may know: a runtime's refusal of this service is no business of the caller's."""
    if error.kind in _PASSED_ON:
        return error
    if error.kind in (Kind.INTERNAL, Kind.UNIMPLEMENTED):
        return Internal("the model failed", reason="UPSTREAM_ERROR")
    return Unavailable("the model's runtime cannot answer now", reason="UPSTREAM_UNAVAILABLE", retry_after=1.0)
