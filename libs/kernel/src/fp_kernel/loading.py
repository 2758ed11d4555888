"""Values that are loaded from a peer that may be slow or away."""

import asyncio
import contextvars
import copy
import random
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from fp_kernel.backoff import Backoff
from fp_kernel.clock import Clock, SystemClock
from fp_kernel.errors import Error, Kind, Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_BACKOFF: Final = Backoff(first=0.5, longest=5.0)
# Errors that say that the value could not be loaded; any other one is what its source had to say.
_AWAY: Final = frozenset((Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.RESOURCE_EXHAUSTED, Kind.INTERNAL))


@dataclass(frozen=True, slots=True)
class Loaded(Generic[V]):
    """A value and how long it is good, in seconds from now.

    fresh_for: until it is loaded anew while it is still used. good_for: until it is not used any more.
    """

    value: V
    fresh_for: float
    good_for: float = float("inf")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    loaded_at: float
    stale_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception
    in_a_row: int
    until: float


class LoadingCache(Generic[K, V]):
    """Loads a value once for all who ask for it at the same time (single flight), and serves it while it renews it.

    - A good value is answered at once. When it is stale, a load starts beside it, in a task of the cache.
    - Without a good value all wait for one load and share its outcome. Nobody's cancellation ends the load; how long
      to wait is each caller's own matter (`asyncio.timeout`).
    - A load runs in an empty context. It belongs to none of the calls that wait for it: neither their deadlines nor
      the teams for which they act reach the peer that is asked.
    - After a load that failed the next one of the same key starts when the back-off has passed. Until then the good
      value is answered; where there is none, the failure.

    limit: values that are remembered, and failures; the oldest goes first. roll: random numbers from 0 to 1.
    """

    def __init__(
        self,
        *,
        limit: int = 1,
        backoff: Backoff = _BACKOFF,
        clock: Clock | None = None,
        roll: Callable[[], float] = random.random,
    ) -> None:
        self._limit = limit
        self._backoff = backoff
        self._clock = clock or SystemClock()
        self._roll = roll
        self._entries: dict[K, _Entry[V]] = {}
        self._failures: dict[K, _Failure] = {}
        self._loads: dict[K, asyncio.Task[V | Exception]] = {}
        self._running: set[asyncio.Task[Any]] = set()

    async def get(self, key: K, load: Callable[[], Awaitable[Loaded[V]]], *, max_age: float = float("inf")) -> V:
        """The value of the key.

        load: gets it, bounded in time by itself; raises `fp_kernel.Error` for what it foresees.
        max_age: seconds; for an older value a load is waited for, and the older one is answered if that fails.
        Raises what the load raised, and Unavailable when the load was ended by `close`.
        """
        now = self._clock.monotonic()
        entry = self._good(key, now)
        if entry is not None and now - entry.loaded_at <= max_age:
            if now >= entry.stale_at and key not in self._loads and not self._failed_lately(key, now):
                self._start(key, load)
            return entry.value
        if key not in self._loads and (failure := self._failed_lately(key, now)) is not None:
            outcome: V | Exception = failure
        else:
            outcome = await _outcome(self._loads.get(key) or self._start(key, load))
        if not isinstance(outcome, Exception):
            return outcome
        entry = self._good(key, self._clock.monotonic())
        if entry is None:
            raise _anew(outcome)
        return entry.value

    def peek(self, key: K) -> V | None:
        """The good value that is there, without a load; None without one."""
        entry = self._good(key, self._clock.monotonic())
        return None if entry is None else entry.value

    def fresh(self, key: K) -> V | None:
        """The value that `get` would answer without a load; None where it would start one, or wait."""
        now = self._clock.monotonic()
        entry = self._good(key, now)
        return entry.value if entry is not None and now < entry.stale_at else None

    def age(self, key: K) -> float:
        """Seconds since the value was loaded; infinite without one."""
        entry = self._entries.get(key)
        return float("inf") if entry is None else self._clock.monotonic() - entry.loaded_at

    def drop(self, key: K) -> None:
        """Forget the value and the failure; a load under way answers those who wait for it, and is not remembered."""
        self._loads.pop(key, None)
        self._failures.pop(key, None)
        self._entries.pop(key, None)

    def drop_all(self, wanted: Callable[[V], bool]) -> None:
        """Forget the values that are chosen; takes time in proportion to all that are remembered."""
        for key in [key for key, entry in self._entries.items() if wanted(entry.value)]:
            self.drop(key)

    def disown(self) -> None:
        """Loads under way still answer those who wait, and are not remembered: they may be out of date by now."""
        self._loads.clear()
        self._failures.clear()

    async def close(self) -> None:
        """End the loads that are under way."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _good(self, key: K, now: float) -> _Entry[V] | None:
        entry = self._entries.get(key)
        return entry if entry is not None and now < entry.ends_at else None

    def _failed_lately(self, key: K, now: float) -> Exception | None:
        failure = self._failures.get(key)
        return failure.error if failure is not None and now < failure.until else None

    def _start(self, key: K, load: Callable[[], Awaitable[Loaded[V]]]) -> asyncio.Task[V | Exception]:
        # Owned by the cache: `close` ends it and waits for it. It never raises, so that no failure goes unseen.
        task = asyncio.get_running_loop().create_task(self._run(key, load), context=contextvars.Context())
        self._loads[key] = task
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _run(self, key: K, load: Callable[[], Awaitable[Loaded[V]]]) -> V | Exception:
        task = asyncio.current_task()
        try:
            loaded = await load()
        except Exception as error:  # noqa: BLE001 -- raised by all who wait
            if self._loads.get(key) is task:
                self._fail(key, error)
            return error
        finally:
            current = self._loads.get(key) is task
            if current:
                del self._loads[key]
        if current:
            self._store(key, loaded)
        return loaded.value

    def _store(self, key: K, loaded: Loaded[V]) -> None:
        now = self._clock.monotonic()
        self.drop(key)
        if len(self._entries) >= self._limit:
            self.drop(next(iter(self._entries)))
        self._entries[key] = _Entry(loaded.value, now, now + loaded.fresh_for, now + loaded.good_for)

    def _fail(self, key: K, error: Exception) -> None:
        if not isinstance(error, Error):
            asyncio.get_running_loop().call_exception_handler({"message": "a load failed", "exception": error})
        elif error.kind not in _AWAY:
            self._failures.pop(key, None)
            return
        before = self._failures.pop(key, None)
        in_a_row = 1 if before is None else before.in_a_row + 1
        if len(self._failures) >= self._limit:
            del self._failures[next(iter(self._failures))]
        until = self._clock.monotonic() + self._backoff.delay(in_a_row, self._roll())
        self._failures[key] = _Failure(error, in_a_row, until)


async def _outcome(task: "asyncio.Task[V | Exception]") -> V | Exception:
    # Not awaited itself: a caller that is cancelled must not end the load of the others.
    await asyncio.wait([task])
    return Unavailable("the load was ended") if task.cancelled() else task.result()


def _anew(error: Exception) -> Exception:
    """The failure for one of those who wait: raised by all, one exception would hold the frames of all of them."""
    if not isinstance(error, Error):
        return error
    again = copy.copy(error).with_traceback(None)
    again.__cause__ = error.__cause__
    return again
