"""Tasks with an owner, and the order of their end."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from fp_kernel import Error
from fp_telemetry import get_logger

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_HEALTHY_AFTER = 60.0

_log = get_logger(__name__)


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
        """Cancel one by one, the last started first, so that a consumer ends before the relay that sends its events.

        timeout: seconds for all together. Answers the names of those that did not end; they are cancelled as well.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + timeout
        pending = list(reversed(self._tasks))
        for task in pending:
            task.cancel()
            await asyncio.wait([task], timeout=max(0.0, deadline - now()))
        return tuple(task.get_name() for task in pending if not task.done())

    async def _watched(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001 -- the owner decides what a failure means
            self._failed(name, error)


async def kept(name: str, start: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run `start()` again after each failure, later each time, until it ends by itself."""
    now = asyncio.get_running_loop().time
    delay = _FIRST_DELAY
    while True:
        began = now()
        try:
            await start()
        except Error as error:
            _log.warning("task failed and starts again", task=name, kind=error.kind.value, reason=error.message)
        except Exception:  # noqa: BLE001 -- a fault of ours; the task is tried again all the same
            _log.exception("task failed and starts again", task=name)
        else:
            return
        if now() - began > _HEALTHY_AFTER:
            delay = _FIRST_DELAY
        # Replicas that lost the same store must not come back to it in step.
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 -- not for secrets
        delay = min(delay * 2, _LONGEST_DELAY)
