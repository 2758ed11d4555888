"""Cancellations that must not get lost, and work that they must not cut in two."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from fp_telemetry import get_logger

log = get_logger(__name__)

# Seconds until a task that goes on is cancelled again.
_AGAIN: Final = 0.5


def checkpoint() -> None:
    """Raise the cancellation that a call has swallowed.

    Called behind every call of nats-py: some of them catch it, and `asyncio.wait_for` of Python 3.11, which they use,
    loses one that comes together with the answer. A consumer that misses its cancellation never ends.
    Not for clean-up: there the task is cancelled and the work must be done all the same.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def finish(work: Coroutine[Any, Any, None], *, grace: float) -> None:
    """Run `work`; when cancelled meanwhile, give it `grace` seconds to end before the cancellation goes on."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=grace)
        if not task.done():
            log.warning("work was cut off at the end of its grace", grace_seconds=grace)
        elif not task.cancelled() and (error := task.exception()):
            log.warning("work failed while it was being finished", error=repr(error))
        raise
    finally:
        await end(task)


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task of nats-py until it ends: one cancellation may be lost (see `checkpoint`).

    A client that looked for its server for ever lost the only one, and the process that closed it never ended.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN)
