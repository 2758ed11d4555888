"""The events of the predictions, counted at a consumer as any other service would see them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fp_events import Broadcast, Event, connect

SUBJECT = "fp.inference.recorded"


class CompletedEvents:
    """How often each request id of a model was told as completed."""

    def __init__(self, model: str) -> None:
        self._model = model
        self.by_request: Counter[str] = Counter()
        self._news = asyncio.Event()

    async def take(self, event: Event) -> None:
        for completed in event.payload.completed:  # type: ignore[attr-defined]
            if completed.model_name == self._model:
                self.by_request[completed.request_id] += 1
                self._news.set()

    def count(self, requests: set[str]) -> int:
        """Distinct events among these requests."""
        return len(self.by_request.keys() & requests)

    async def wait_for(self, requests: set[str], seconds: float) -> int:
        """Events are published behind the answer: wait until all are here, for at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while self.count(requests) < len(requests):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        return self.count(requests)


@asynccontextmanager
async def counted(nats_url: str, model: str) -> AsyncIterator[CompletedEvents]:
    """Count from now on, until the block ends."""
    bus = await connect(nats_url, name="completed-events")
    events = CompletedEvents(model)
    listening = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            subscription = Broadcast("completed-events", (SUBJECT,), deliver="new")
            task = tasks.create_task(bus.broadcast(subscription, events.take, caught_up=listening))
            await listening.wait()
            yield events
            task.cancel()
    finally:
        await bus.close()
