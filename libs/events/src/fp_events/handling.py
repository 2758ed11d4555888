"""What becomes of events after their handler has returned or failed; the same for every bus."""

from collections.abc import Sequence

from fp_events.bus import EventHandler
from fp_events.event import Event


class Each:
    """A batch handler that takes its events one by one; each is settled by its own outcome."""

    def __init__(self, handle: EventHandler, concurrency: int) -> None:
        self.handle = handle
        self.concurrency = concurrency

    async def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            await self.handle(event)


def each(handle: EventHandler, *, concurrency: int = 1) -> Each:
    """Make a handler of single events into a handler of batches.

    concurrency: events of a batch in the handler at the same time; above 1 they are in no order.
    """
    return Each(handle, concurrency)
