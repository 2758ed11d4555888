"""Death at every step.

A scenario runs in a child process that kills itself with SIGKILL at the k-th awaited call of whatever the scenario
wrapped, for k = 1, 2, ... until a run completes. After each run the check looks at what is left, in the test's process.

    async def scenario(crash: CrashPoints, url: str) -> None:
        database = crash.wrap(await Database.connect(url, source="test"))
        async with database.transaction() as tx:
            await tx.execute("insert into accounts ...")
            tx.outbox.add(event)

    async def test_a_change_and_its_event_happen_together(kill_at, databases):
        async def check(run: CrashedRun) -> None:
            assert await rows(run.arguments[0]) == await events(run.arguments[0])

        await kill_at(scenario, check, arrange=lambda: databases.create(MIGRATIONS))

The scenario is a function of a test module; its arguments are pickled. The child comes from a small process that
imported the module once and has neither loop, thread nor connection, so that a run costs milliseconds.

Nobody sees what a transaction of Postgres did before its commit, and who dies within one leaves what it found. So a
process dies before its begin and before its commit, and its other calls are steps that nobody has to die at: whoever
does leaves what the death before the commit leaves. With FP_EVERY_STEP=1 it dies at each of them.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from fp_postgres.transaction import Transaction

from fp_testkit.patience import PATIENCE

if TYPE_CHECKING:
    from fp_testkit.databases import Databases

T = TypeVar("T")

LONGEST = 500
EVERY_STEP = "FP_EVERY_STEP"


class CrashPoints:
    """Counts awaited calls and ends the process before the one whose turn it is.

    turn: 1 for the first call; 0 never. every: also at the steps within a transaction. steps: all, until now.
    """

    def __init__(self, turn: int, *, every: bool = False) -> None:
        self._turn = turn
        self._every = every
        self._deaths = 0
        self.steps = 0

    def within(self) -> None:
        """A step of a transaction that has not been committed."""
        if self._every:
            self.point()
        else:
            self.steps += 1

    def point(self) -> None:
        """A place where the process may die; for code between two calls that are not wrapped."""
        self.steps += 1
        self._deaths += 1
        if self._deaths == self._turn:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()  # the signal is delivered at the next return from the kernel, which is here

    def wrap(self, value: T) -> T:
        """The same object, with a point before each awaited call of it and of what its context managers give."""
        return cast("T", _Wrapped(value, self))


class _Wrapped:
    """point: of each awaited call."""

    def __init__(self, value: Any, points: CrashPoints, point: Callable[[], None] | None = None) -> None:
        self._value = value
        self._points = points
        self._point = point or points.point

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._value, name)
        if not callable(found):
            known = type(found).__module__ == "builtins"
            return found if known else _Wrapped(found, self._points, self._point)

        def call(*arguments: Any, **options: Any) -> Any:
            return _result(found(*arguments, **options), self._points, self._point)

        return call


def _result(value: Any, points: CrashPoints, point: Callable[[], None]) -> Any:
    if hasattr(value, "__aenter__"):
        return _Entered(value, points)
    if isawaitable(value):
        return _awaited(value, point)
    if hasattr(value, "__anext__"):
        return _iterated(value, point)
    return value


async def _awaited(value: Awaitable[Any], point: Callable[[], None]) -> Any:
    point()
    return await value


async def _iterated(value: AsyncIterator[Any], point: Callable[[], None]) -> AsyncIterator[Any]:
    async for item in value:
        point()
        yield item


class _Entered:
    """An async context manager; its end, where a transaction commits, is a call like any other.

    Some can be awaited instead, such as a pool's connection.
    """

    def __init__(self, value: Any, points: CrashPoints) -> None:
        self._value = value
        self._points = points

    def __await__(self) -> Generator[Any, Any, Any]:
        return _awaited(self._value, self._points.point).__await__()

    async def __aenter__(self) -> Any:
        self._points.point()
        entered = await self._value.__aenter__()
        if isinstance(entered, Transaction):
            return _Wrapped(entered, self._points, self._points.within)
        return self._points.wrap(entered)

    async def __aexit__(self, *error: object) -> Any:
        self._points.point()
        return await self._value.__aexit__(*error)


@dataclass(frozen=True, slots=True)
class CrashedRun:
    """turn: before which call the process died. completed: it did not, because there was no such call."""

    turn: int
    completed: bool
    arguments: tuple[Any, ...]


Check = Callable[[CrashedRun], Awaitable[None]]


class KillAt(Protocol):
    async def __call__(
        self,
        scenario: Callable[..., Awaitable[None]],
        check: Check,
        *,
        arrange: Callable[[], Awaitable[Any]] | None = None,
        timeout: float = PATIENCE,  # noqa: ASYNC109 -- of the child process, which is killed
    ) -> int:
        """Run the scenario, killed at each step in turn, and `check` after each run; answers the number of steps of the
        run that completed, with those of transactions that nobody died at.

        arrange: gives the scenario's arguments of one run, one value or a tuple; without it there are none and every
        run finds what the one before has left. timeout: seconds for one run.
        Raises AssertionError with the child's output when the scenario fails otherwise than by dying.
        """
        ...


def kill_at(execute: Callable[..., Any], databases: "Databases | None" = None) -> KillAt:
    """What the fixture gives. execute: `fp_testkit.crash_server.CrashServer.execute`.

    databases: those that a run was given are taken away after its check, so that the next run uses them again.
    """

    async def run(
        scenario: Callable[..., Awaitable[None]],
        check: Check,
        *,
        arrange: Callable[[], Awaitable[Any]] | None = None,
        timeout: float = PATIENCE,  # noqa: ASYNC109 -- of the child process, which is killed
    ) -> int:
        for turn in range(1, LONGEST + 1):
            before = databases.created() if databases else frozenset()
            given = await arrange() if arrange else ()
            arguments = given if isinstance(given, tuple) else (given,)
            outcome = await asyncio.to_thread(execute, scenario, arguments, turn, timeout)
            if outcome.status not in {0, -signal.SIGKILL}:
                raise AssertionError(f"the scenario failed at step {turn}:\n{outcome.output}")
            completed = outcome.status == 0
            await check(CrashedRun(turn, completed, arguments))
            if completed:
                steps: int = outcome.steps
                return steps
            if databases and arrange:
                await databases.drop(but=before)
        raise AssertionError(f"the scenario has more than {LONGEST} steps")

    return run
