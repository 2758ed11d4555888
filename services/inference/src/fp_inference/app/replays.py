"""Stored answers of commands, so that a retry gets the same answer."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from fp_kernel import Clock, Command, Replayed, Unavailable, invalid
from fp_telemetry import get_logger

from fp_inference.app.lookup import Lookup
from fp_inference.app.ports import ReplayStore
from fp_inference.app.values import Replay
from fp_inference.domain.request_ids import digest

# A larger answer is computed again; only the day of its request is kept, so that it is the same request.
MAX_RESPONSE = 64 * 1024
# What an entry takes beside its response.
_ENTRY = 512
_AT_ONCE = 256

_log = get_logger(__name__)


@dataclass(slots=True)
class _Running:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """day: UTC, on which the whole command was first seen. answered: responses that parts got before, by digest."""

    day: date
    answered: Mapping[bytes, bytes]


class Replays:
    """The newest in memory, all of them for 24 hours in the store; without the store only the newest.

    max_bytes: of what is in memory, about.
    """

    def __init__(self, store: ReplayStore, clock: Clock, *, max_bytes: int = 8 * 1024 * 1024) -> None:
        self._store = store
        self._clock = clock
        self._max_bytes = max_bytes
        self._recent: OrderedDict[bytes, Replay] = OrderedDict()
        self._bytes = 0
        self._running: dict[bytes, _Running] = {}

    @asynccontextmanager
    async def once(self, command: Command) -> AsyncIterator[date]:
        """The block runs for one of several twins at a time, and not at all when the command's answer is kept.

        It is given the UTC day on which the command was first seen. Without a key every command is its own.
        Raises Replayed, InvalidArgument naming `idempotency_key` when another body came with the same key.
        """
        today = self._clock.now().date()
        if not command.key:
            yield today
            return
        key = replay_digest(command)
        async with self._alone(key):
            for found in await self._find([key]):
                today = day_of(found, command)
            yield today

    @asynccontextmanager
    async def beside(self, command: Command) -> AsyncIterator[tuple[date, Lookup | None]]:
        """As `once`, for a command that may be done twice and told once: the store is asked meanwhile.

        The day is today where the memory has nothing of the command; the block then heeds the Lookup.
        """
        key, today = replay_digest(command), self._clock.now().date()
        async with self._alone(key):
            known = self._recent.get(key)
            if known is not None:
                yield day_of(known, command), None
                return
            lookup = Lookup(command, today, self._store.get([key]))
            try:
                yield today, lookup
            finally:
                lookup.close()

    @asynccontextmanager
    async def parts(self, command: Command, parts: Sequence[Command]) -> AsyncIterator[Parts]:
        """As `once`, for a command whose parts are answered each by itself.

        Raises InvalidArgument naming `idempotency_key` when another body came with the same key.
        """
        today = self._clock.now().date()
        if not command.key:
            yield Parts(today, {})
            return
        mark = Replay(replay_digest(command), command.fingerprint, b"", today)
        async with self._alone(mark.digest):
            found = {replay.digest: replay for replay in await self._find([mark.digest, *map(replay_digest, parts)])}
            for replay in found.values():
                _check(replay, command)
            seen = found.pop(mark.digest, None)
            if seen is None:
                self.remember(mark)
                await self.store([mark])
            day = today if seen is None or seen.day is None else seen.day
            yield Parts(day, {key: replay.response for key, replay in found.items() if replay.day is None})

    def remember(self, replay: Replay) -> None:
        """Hold in memory; `store` writes what other replicas and later processes read."""
        known = self._recent.pop(replay.digest, None)
        self._bytes += _size(replay) - (_size(known) if known else 0)
        self._recent[replay.digest] = replay
        while self._bytes > self._max_bytes and self._recent:
            _, oldest = self._recent.popitem(last=False)
            self._bytes -= _size(oldest)

    async def save_answer(self, command: Command, result: object) -> None:
        """Store the answer of a command that has an idempotency key, for a repetition."""
        if command.key:
            replay = Replay(replay_digest(command), command.fingerprint, command.encode(result))
            self.remember(replay)
            await self.store([replay])

    async def recover(self, replays: Iterable[Replay | None]) -> None:
        """Keep what an earlier process answered and nobody stored yet, some at a time: others are served meanwhile."""
        for some in _chunks(replays, _AT_ONCE):
            found = [replay for replay in some if replay is not None]
            for replay in found:
                self.remember(replay)
            await self.store(found)
            await asyncio.sleep(0)

    async def store(self, replays: Sequence[Replay]) -> None:
        """Keep for 24 hours where the store can be reached; never raises."""
        if not replays:
            return
        try:
            await self._store.put(replays)
        except Unavailable as error:
            _log.warning("answers are kept by this process alone", answers=len(replays), reason=error.message)

    @asynccontextmanager
    async def _alone(self, key: bytes) -> AsyncIterator[None]:
        running = self._running.setdefault(key, _Running())
        running.users += 1
        try:
            async with running.lock:
                yield
        finally:
            running.users -= 1
            if not running.users:
                del self._running[key]

    async def _find(self, keys: Sequence[bytes]) -> Sequence[Replay]:
        found = [self._recent[key] for key in keys if key in self._recent]
        missing = [key for key in keys if key not in self._recent]
        if missing:
            with suppress(Unavailable):
                found += await self._store.get(missing)
        return found


def _chunks(replays: Iterable[Replay | None], size: int) -> Iterator[list[Replay | None]]:
    rest = iter(replays)
    while some := list(islice(rest, size)):
        yield some


def replay_digest(command: Command) -> bytes:
    return digest("replay", command.team, command.rpc, command.key)


def _size(replay: Replay) -> int:
    return len(replay.response) + _ENTRY


def day_of(found: Replay, command: Command) -> date:
    """The day on which a command was first seen of which no answer is kept.

    Raises Replayed with the answer, InvalidArgument naming `idempotency_key` when another body came with the same key.
    """
    _check(found, command)
    if found.day is None:
        raise Replayed(found.response)
    return found.day


def _check(found: Replay, command: Command) -> None:
    if found.fingerprint != command.fingerprint:
        raise invalid("idempotency_key", "was used for another request")
