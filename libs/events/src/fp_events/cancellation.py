"""Cancellations that must not get lost."""

import asyncio


def checkpoint() -> None:
    """Raise the cancellation that a call has swallowed.

    Called behind every call of nats-py: some of them catch it, and `asyncio.wait_for` of Python 3.11, which they use,
    loses one that comes together with the answer. A consumer that misses its cancellation never ends.
    Not for clean-up: there the task is cancelled and the work must be done all the same.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
