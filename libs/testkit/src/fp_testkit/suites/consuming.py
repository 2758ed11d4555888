"""Handlers that remember, and consumers that run for the length of a block."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from forgepoint.events.v1.events_pb2 import ModelRegistered
from fp_events import BatchHandler, Broadcast, Bus, Consumer, Event, Matching

from fp_testkit.patience import PATIENCE

REGISTERED = "fp.models.registered"
ARCHIVED = "fp.models.archived"
COMPLETED = "fp.inference.completed"


def registered(name: str = "flights", *, type: str = REGISTERED, sequence: int = 0) -> Event:  # noqa: A002 -- as Event's
    return Event(
        type=type,
        payload=ModelRegistered(model_name=name, team="red"),
        team="red",
        resource_id=f"model-{name}",
        summary=f"{name} was registered",
        source="registry",
        sequence=sequence,
    )


def quick(name: str, *subjects: str, batch: int = 100, max_attempts: int = 3) -> Consumer:
    """A consumer whose back-off a test can wait for."""
    return Consumer(name, subjects or ("fp.models.>",), batch=batch, backoff=(0.05,), max_attempts=max_attempts)


class Recorder:
    """A batch handler. fail: raises for the events it should not handle."""

    def __init__(self, fail: Callable[[Sequence[Event]], None] | None = None) -> None:
        self.calls: list[list[Event]] = []
        self.handled: list[Event] = []
        self._fail = fail
        self._news = asyncio.Event()

    async def __call__(self, events: Sequence[Event]) -> None:
        self.calls.append(list(events))
        self._news.set()
        if self._fail is not None:
            self._fail(events)
        self.handled.extend(events)

    async def one(self, event: Event) -> None:
        await self([event])

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.handled]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for calls until `reached` holds. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not reached():
                self._news.clear()
                await self._news.wait()

    async def has(self, count: int) -> list[Event]:
        await self.until(lambda: len(self.handled) >= count)
        return self.handled


def raising(error: Exception) -> Callable[[Sequence[Event]], None]:
    """What a `Recorder` that always fails does."""

    def fail(_events: Sequence[Event]) -> None:
        raise error

    return fail


def refusing(poison: str, error: Exception) -> Callable[[Sequence[Event]], None]:
    """What a `Recorder` that fails with one event does."""

    def fail(events: Sequence[Event]) -> None:
        if poison in [event.id for event in events]:
            raise error

    return fail


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def consuming(bus: Bus, consumer: Consumer, handle: BatchHandler) -> AsyncIterator[None]:
    async with running(bus.consume(consumer, handle)):
        yield


@asynccontextmanager
async def listening(bus: Bus, broadcast: Broadcast, recorder: Recorder) -> AsyncIterator[None]:
    """From here on everything that is published is heard."""
    caught_up = asyncio.Event()
    async with running(bus.broadcast(broadcast, recorder.one, caught_up=caught_up)):
        async with asyncio.timeout(PATIENCE):
            await caught_up.wait()
        yield


async def dead(bus: Bus, consumer: str, count: int = 1) -> Sequence[Any]:
    """Wait for dead letters. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while len(letters := await bus.dead_letters.list(Matching(consumer))) < count:  # noqa: ASYNC110 -- a bus does not announce a dead letter
            await asyncio.sleep(0.01)
    return letters
