"""Room for calls of one model and of one target, so that a slow one does not take the place of the others."""

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from fp_kernel import ResourceExhausted

from fp_inference.domain.failures import BULKHEAD_FULL


@dataclass(frozen=True, slots=True)
class BulkheadPolicy:
    """in_flight: calls at once. waiting: calls that may wait. seconds: how long one waits.

    most_bytes: of all calls that are in flight or wait, half of it for one key, any for a call that is alone.
    """

    in_flight: int = 64
    waiting: int = 256
    seconds: float = 1.0
    most_bytes: int | None = None


@dataclass(slots=True)
class _Room:
    taken: int = 0
    bytes: int = 0
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)


class Bulkheads:
    """One room a key; a room nobody is in is forgotten."""

    def __init__(self, policy: BulkheadPolicy) -> None:
        self._policy = policy
        self._rooms: dict[Hashable, _Room] = {}
        self._bytes = 0

    @property
    def in_flight(self) -> int:
        return sum(room.taken for room in self._rooms.values())

    def has_room(self, key: Hashable, times: int = 1) -> bool:
        """Whether a call would not have to wait. times: as of `enter`."""
        room = self._rooms.get(key)
        return room is None or room.taken < self._policy.in_flight * times

    def enter(self, key: Hashable, seconds: float, size: int = 0, times: int = 1) -> "_Visit":
        """A place for as long as the block runs.

        seconds: the caller's own patience. size: bytes. times: processes, each with the places of one. The block raises
        ResourceExhausted when there is no room in time.
        """
        return _Visit(self, key, seconds, size, times)

    async def come(self, key: Hashable, seconds: float, size: int, times: int) -> _Room:
        """Take a place, which is given back by `leave`. Raises ResourceExhausted."""
        room = self._rooms.get(key)
        if room is None:
            room = _Room()
        self._check_bytes(room, size)
        self._rooms[key] = room
        room.bytes += size
        self._bytes += size
        if room.taken < self._policy.in_flight * times:
            room.taken += 1
            return room
        try:
            await self._wait(room, min(seconds, self._policy.seconds))
        except BaseException:
            self._carry_out(key, room, size)
            raise
        return room

    def leave(self, key: Hashable, room: _Room, size: int) -> None:
        self._pass_on(room)
        self._carry_out(key, room, size)

    def _carry_out(self, key: Hashable, room: _Room, size: int) -> None:
        room.bytes -= size
        self._bytes -= size
        # Another room may have its key by now: one was forgotten before who gave up waiting in it has run again.
        if not room.taken and not room.waiting and self._rooms.get(key) is room:
            del self._rooms[key]

    def _check_bytes(self, room: _Room, size: int) -> None:
        most = self._policy.most_bytes
        if most is None:
            return
        if (room.bytes and room.bytes + size > most // 2) or (self._bytes and self._bytes + size > most):
            raise self._full("in_flight_bytes")

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
            _give_up(room, place)
            raise self._full() from None
        except asyncio.CancelledError:
            if _is_granted(place):
                self._pass_on(room)
            else:
                _give_up(room, place)
            raise

    def _pass_on(self, room: _Room) -> None:
        while room.waiting:
            place = room.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        room.taken -= 1

    def _full(self, quota: str = "in_flight") -> ResourceExhausted:
        return ResourceExhausted(
            "the model has too many predictions in flight",
            reason=BULKHEAD_FULL,
            retry_after=self._policy.seconds,
            metadata={"quota": quota},
        )


class _Visit:
    """Each prediction enters two rooms: a generator for each would cost three times as much."""

    __slots__ = ("_bulkheads", "_key", "_room", "_seconds", "_size", "_times")

    def __init__(self, bulkheads: Bulkheads, key: Hashable, seconds: float, size: int, times: int) -> None:
        self._bulkheads = bulkheads
        self._key = key
        self._seconds = seconds
        self._size = size
        self._times = times

    async def __aenter__(self) -> None:
        self._room = await self._bulkheads.come(self._key, self._seconds, self._size, self._times)

    async def __aexit__(self, *_: object) -> None:
        self._bulkheads.leave(self._key, self._room, self._size)


def _give_up(room: _Room, place: "asyncio.Future[None]") -> None:
    # Whoever left since the wait ended has passed it over already.
    if place in room.waiting:
        room.waiting.remove(place)


def _is_granted(place: "asyncio.Future[None]") -> bool:
    return place.done() and not place.cancelled()
