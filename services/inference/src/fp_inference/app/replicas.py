"""The runtimes of a version, where it has several: who gets a prediction, and who makes good what one of them lost.

A prediction reads and changes nothing, so it may be asked of another runtime whatever became of it at the first.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from fp_kernel import Clock, Error, Kind, RetryBudget, Unavailable
from fp_telemetry import get_logger

from fp_inference.domain.breaker import Breaker, BreakerPolicy, Permit
from fp_inference.domain.pace import Pace, SlowPolicy, slow_after
from fp_inference.domain.routes import Target

# Among more than so many, the better of two by chance: nearly as good, and its price does not grow with them.
_MANY: Final = 8
# The process is gone, or it is another one than was meant.
_ABSENT: Final = frozenset({Kind.UNAVAILABLE, Kind.NOT_FOUND, Kind.FAILED_PRECONDITION, Kind.UNAUTHENTICATED})
# It is there and cannot take this call; so many of these may be asked elsewhere as the budget allows.
_BUSY: Final = frozenset({Kind.RESOURCE_EXHAUSTED, Kind.DEADLINE_EXCEEDED})
_AGAIN: Final = _ABSENT | _BUSY
# Of no epoch: what becomes of the call moves no breaker.
_UNGUARDED: Final = Permit(-1)

_log = get_logger(__name__)


class Replica(Protocol):
    """One process."""

    async def predict(self, request: Any, seconds: float) -> Any:
        """Raises what the runtime raised."""
        ...

    async def is_ready(self, target: Target) -> bool: ...

    async def close(self) -> None: ...


R = TypeVar("R", bound=Replica)


class ReplicaMetrics(Protocol):
    def lost(self, kind: Kind) -> None:
        """A call failed at one of several."""
        ...


@dataclass(frozen=True, slots=True)
class ReplicaPolicy:
    """One call that nobody answers leaves a replica out, while others live, until it is seen again.

    slow: from when on a silence is worth asking another one. linger: seconds after which a replica that is not wanted
    any more is closed, whoever still waits for it.
    """

    breaker: BreakerPolicy = field(default_factory=lambda: BreakerPolicy(open_seconds=5.0, unreachable=1))
    slow: SlowPolicy = field(default_factory=lambda: SlowPolicy(least=0.25))
    linger: float = 30.0


@dataclass(slots=True, eq=False)
class _Member(Generic[R]):
    """turn: number of the newest call that it got. left_at: when it was not wanted any more, monotonic."""

    address: str
    replica: R
    breaker: Breaker
    pace: Pace = field(default_factory=Pace)
    in_flight: int = 0
    turn: int = 0
    left_at: float = 0.0

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Not closed meanwhile: a call whose channel is closed under it ends as cancelled, which is nobody's error."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


class Replicas(Generic[R]):
    """Fewest calls under way first. One alone is asked as it is: whoever chose the version guards it."""

    def __init__(
        self,
        opened: Callable[[str], R],
        clock: Clock,
        metrics: ReplicaMetrics,
        policy: ReplicaPolicy | None = None,
    ) -> None:
        """opened: the process at an address."""
        self._opened = opened
        self._clock = clock
        self._metrics = metrics
        self._policy = policy or ReplicaPolicy()
        self._budget = RetryBudget()
        self._members: dict[str, _Member[R]] = {}
        self._leaving: list[_Member[R]] = []
        self._turn = 0

    @property
    def addresses(self) -> Collection[str]:
        return self._members.keys()

    @property
    def left_out(self) -> int:
        """How many get no calls now."""
        return sum(member.breaker.is_open for member in self._members.values())

    @property
    def unsettled(self) -> bool:
        """Whether `look` has something to do."""
        return bool(self._leaving) or any(member.breaker.awaits_return for member in self._members.values())

    @contextmanager
    def first(self) -> Iterator[R]:
        """Any that may be asked, for as long as the block runs. Raises Unavailable."""
        member, permit = self._first()
        member.breaker.returned(permit)
        with member.asked():
            yield member.replica

    def place(self, addresses: Sequence[str]) -> None:
        """These are wanted from now on; the others get no more calls, and end when they have answered."""
        now = self._clock.monotonic()
        for address in [known for known in self._members if known not in addresses]:
            member = self._members.pop(address)
            member.left_at = now
            self._leaving.append(member)
        for address in addresses:
            if address not in self._members:
                breaker = Breaker(self._policy.breaker, now)
                self._members[address] = _Member(address, self._opened(address), breaker)

    async def any_ready(self, target: Target) -> bool:
        for member in tuple(self._members.values()):
            with member.asked():
                if await member.replica.is_ready(target):
                    return True
        return False

    async def look(self, target: Target) -> None:
        """Ask those that were lost whether they are back, and close those that have left."""
        now = self._clock.monotonic()
        for member in list(self._leaving):
            if not member.in_flight or now - member.left_at > self._policy.linger:
                self._leaving.remove(member)
                await member.replica.close()
        for member in list(self._members.values()):
            if member.breaker.awaits_return and await member.replica.is_ready(target):
                _log.info("replica is back", version=target.version, address=member.address)
                member.breaker.seen(self._clock.monotonic())

    async def close(self) -> None:
        leaving, self._leaving = [*self._leaving, *self._members.values()], []
        self._members = {}
        for member in leaving:
            await member.replica.close()

    async def predict(self, request: Any, seconds: float) -> Any:
        """seconds: for all replicas together. Raises what the last one raised, Unavailable when there is none."""
        deadline = self._clock.monotonic() + seconds
        self._budget.earn()
        member, permit = self._first()
        tried = [member]
        while True:
            patience = min(deadline - self._clock.monotonic(), self._patience(member, tried))
            try:
                return await self._ask(member, permit, request, patience)
            except Error as error:
                another = self._another(error, tried, deadline)
                if another is None:
                    raise
                member, permit = another
                tried.append(member)

    def _first(self) -> tuple[_Member[R], Permit]:
        """Where all are left out, one of them all the same: nothing is lost by that, and one may be back."""
        if not self._members:
            raise Unavailable("the version has no replica now", retry_after=1.0)
        members = list(self._members.values())
        picked = self._picked(members) if len(members) > 1 else None
        return picked or (min(members, key=_load), _UNGUARDED)

    def _picked(self, members: Sequence[_Member[R]]) -> tuple[_Member[R], Permit] | None:
        now = self._clock.monotonic()
        two = random.sample(members, 2) if len(members) > _MANY else []
        for member in (*sorted(two, key=_load), *sorted(members, key=_load)):
            permit = member.breaker.allow(now)
            if permit is not None:
                return member, permit
        return None

    def _patience(self, member: _Member[R], tried: Sequence[_Member[R]]) -> float:
        """Without another one to ask, or the right to, there is nothing to be impatient for."""
        others = [other for other in self._members.values() if other not in tried and not other.breaker.is_open]
        if not others or not self._budget.allows:
            return float("inf")
        return slow_after(self._policy.slow, member.pace, [other.pace for other in others])

    async def _ask(self, member: _Member[R], permit: Permit, request: Any, seconds: float) -> Any:
        self._turn += 1
        member.turn = self._turn
        member.in_flight += 1
        began = self._clock.monotonic()
        try:
            answer = await member.replica.predict(request, seconds)
        except asyncio.CancelledError:
            self._gave_up(member, permit, self._clock.monotonic() - began)
            raise
        except Exception as error:
            self._failed(member, permit, error)
            raise
        finally:
            member.in_flight -= 1
        now = self._clock.monotonic()
        member.breaker.succeeded(permit, now)
        member.pace.answered(now - began)
        return answer

    def _gave_up(self, member: _Member[R], permit: Permit, waited: float) -> None:
        if waited < slow_after(self._policy.slow, member.pace, ()):
            member.breaker.returned(permit)
        else:
            member.breaker.failed(permit, self._clock.monotonic())

    def _failed(self, member: _Member[R], permit: Permit, error: Exception) -> None:
        kind = error.kind if isinstance(error, Error) else Kind.INTERNAL
        now = self._clock.monotonic()
        if kind is Kind.INVALID_ARGUMENT:
            member.breaker.succeeded(permit, now)
            return
        if len(self._members) > 1:
            self._metrics.lost(kind)
        if kind is Kind.RESOURCE_EXHAUSTED:
            member.breaker.returned(permit)
            return
        absent = kind in _ABSENT
        was_open = member.breaker.is_open
        member.breaker.failed(permit, now, unreachable=absent)
        if member.breaker.is_open and not was_open:
            _log.warning("a replica is left out", address=member.address, kind=kind.value)

    def _another(
        self, error: Error, tried: Collection[_Member[R]], deadline: float
    ) -> tuple[_Member[R], Permit] | None:
        """What a dead one lost needs no budget: it is left out from then on, so that it loses a call once."""
        if error.kind not in _AGAIN or self._clock.monotonic() >= deadline:
            return None
        picked = self._picked([member for member in self._members.values() if member not in tried])
        if picked is None or error.kind in _ABSENT or self._budget.spend():
            return picked
        picked[0].breaker.returned(picked[1])
        return None


def _load(member: _Member[Any]) -> tuple[int, int]:
    """Of equals the one that was asked longest ago."""
    return member.in_flight, member.turn
