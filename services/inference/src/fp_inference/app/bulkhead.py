"""Room for calls of one model, so that a slow model does not take the place of the others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fp_kernel import ResourceExhausted

from fp_inference.domain.failures import BULKHEAD_FULL


@dataclass(frozen=True, slots=True)
class BulkheadPolicy:
    """in_flight: calls at once. waiting: calls that may wait. seconds: how long one waits."""

    in_flight: int = 64
    waiting: int = 256
    seconds: float = 1.0


@dataclass(slots=True)
class _Room:
    taken: int = 0
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)


class Bulkheads:
    """One room a key; a room nobody is in is forgotten."""

    def __init__(self, policy: BulkheadPolicy) -> None:
        self._policy = policy
        self._rooms: dict[Hashable, _Room] = {}

    @property
    def in_flight(self) -> int:
        return sum(room.taken for room in self._rooms.values())

    @asynccontextmanager
    async def enter(self, key: Hashable, seconds: float) -> AsyncIterator[None]:
        """seconds: the caller's own patience. Raises ResourceExhausted when there is no room in time."""
        room = self._rooms.setdefault(key, _Room())
        if room.taken < self._policy.in_flight:
            room.taken += 1
        else:
            await self._wait(room, min(seconds, self._policy.seconds))
        try:
            yield
        finally:
            self._leave(key, room)

    async def _wait(self, room: _Room, seconds: float) -> None:
        """Returns with a place that someone who left has passed on."""
        if len(room.waiting) >= self._policy.waiting:
            raise self._full()
        place = asyncio.get_running_loop().create_future()
        room.waiting.append(place)
        try:
            async with asyncio.timeout(seconds):
                await place
        except TimeoutError:
            # The place may have been passed on in the very moment in which the time was over.
            if _is_granted(place):
                return
            room.waiting.remove(place)
            raise self._full() from None
        except asyncio.CancelledError:
            if _is_granted(place):
                self._pass_on(room)
            else:
                room.waiting.remove(place)
            raise

    def _leave(self, key: Hashable, room: _Room) -> None:
        self._pass_on(room)
        if not room.taken and not room.waiting:
            self._rooms.pop(key, None)

    def _pass_on(self, room: _Room) -> None:
        while room.waiting:
            place = room.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        room.taken -= 1

    def _full(self) -> ResourceExhausted:
        return ResourceExhausted(
            "the model has too many predictions in flight",
            reason=BULKHEAD_FULL,
            retry_after=self._policy.seconds,
            metadata={"quota": "in_flight"},
        )


def _is_granted(place: "asyncio.Future[None]") -> bool:
    return place.done() and not place.cancelled()
