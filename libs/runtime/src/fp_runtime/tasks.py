"""Tasks with an owner, and the order in which they are stopped."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn

from fp_kernel import Error
from fp_telemetry import get_logger

from fp_runtime.keeping import Keeper

OUTBOX: Final = "outbox"
_SPREAD: Final = 0.1

_log = get_logger(__name__)


class Interrupted(Exception):
    """A call inside a task was cancelled, and not by the task's owner: the call has failed, the task has not ended."""


class Tasks:
    """The long-running tasks of a service, all in one TaskGroup.

    failed: called with name and error when a task fails; a failure does not cancel the others by itself, because
    the service still drains.
    """

    def __init__(self, group: asyncio.TaskGroup, failed: Callable[[str, Exception], None]) -> None:
        self._group = group
        self._failed = failed
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        self._tasks.append(self._group.create_task(self._watched(name, coroutine), name=name))

    async def cancel(self, timeout: float) -> tuple[str, ...]:  # noqa: ASYNC109 -- one bound for all, not for each
        """Cancel side by side what was started after the outbox, so that each has the whole time.

        The outbox and what was started before it follow one by one, the last started first: the others still add events
        and hand work to them.
        timeout: seconds for all together. Answers the names of those that did not end; they are cancelled as well.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + timeout
        names = [task.get_name() for task in self._tasks]
        first = names.index(OUTBOX) + 1 if OUTBOX in names else 0
        for wave in (self._tasks[first:], *([task] for task in reversed(self._tasks[:first]))):
            for task in wave:
                task.cancel()
            if wave:
                await asyncio.wait(wave, timeout=max(0.0, deadline - now()))
        return tuple(task.get_name() for task in self._tasks if not task.done())

    async def _watched(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        try:
            await uninterrupted(coroutine)
        except Exception as error:  # noqa: BLE001 -- the owner decides what a failure means
            self._failed(name, error)


async def uninterrupted(work: Awaitable[object]) -> None:
    """Wait for the work. Raises Interrupted when it was cancelled although the running task was not."""
    try:
        await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Interrupted("a call inside the task was cancelled") from error


async def kept(keeper: Keeper, start: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run `start()` again after each failure, later each time, until it ends by itself."""
    while True:
        keeper.begins()
        try:
            await uninterrupted(start())
        except Exception as error:  # noqa: BLE001 -- whatever it was, the task is tried again, and everybody can see it
            _log_failure(keeper, error)
            await asyncio.sleep(keeper.failed(error))
        else:
            keeper.ended()
            return


async def repeated(keeper: Keeper, seconds: float, work: Callable[[], Awaitable[object]]) -> NoReturn:
    """Run `work()` at once and then every `seconds`, until cancelled; sooner after a failure with a short back-off."""
    while True:
        keeper.begins()
        pause = seconds * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 -- replicas must not work in step
        try:
            await uninterrupted(work())
        except Exception as error:  # noqa: BLE001 -- what is done from time to time never stops what serves
            _log_failure(keeper, error)
            pause = min(pause, keeper.failed(error))
        else:
            keeper.ended()
        await asyncio.sleep(pause)


def _log_failure(keeper: Keeper, error: Exception) -> None:
    if isinstance(error, Error):
        _log.warning("task failed and starts again", task=keeper.name, kind=error.kind.value, reason=error.message)
    else:
        _log.exception("task failed and starts again", task=keeper.name)


async def bounded(name: str, end: Awaitable[object], seconds: float) -> None:
    """One step of the stop; whatever it does, the next one comes."""
    try:
        async with asyncio.timeout(seconds):
            await end
    except Exception:  # noqa: BLE001 -- the others must be closed as well
        _log.exception("could not be closed in order", name=name)
