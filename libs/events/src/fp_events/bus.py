"""The bus as its users see it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from fp_kernel import Error

from fp_events.consumer.declaration import Broadcast, Consumer
from fp_events.consumer.gap import MissedHook
from fp_events.dead_letters import DeadLetters
from fp_events.message.envelope import EncodedEvent
from fp_events.message.event import Event
from fp_events.streams import Stream

BatchHandler = Callable[[Sequence[Event]], Awaitable[None]]
EventHandler = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Published:
    """Outcome by event id.

    acked: stored by the server, now or by an earlier attempt.
    failed: not known to be stored; sending them again is safe, the server recognises what it has.
    """

    acked: frozenset[str]
    failed: Mapping[str, Error]


class Bus(Protocol):
    """The event bus as services use it: `NatsBus`, and in tests `fp_testkit.memory_bus`."""

    async def publish(self, events: Sequence[Event]) -> Published:
        """Publish in order and wait for the server's acks, many at a time. Failures are in the result, not raised."""

    async def send(self, messages: Sequence[EncodedEvent]) -> Published:
        """Publish what is encoded already (the outbox stores events so)."""

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        """Create or update streams and durables; safe to repeat and to run from many processes at once.

        A user who may make none only looks whether they are there. Raises Unavailable when the bus is away or they are
        not, FailedPrecondition when it refuses a declaration.
        """

    async def consume(self, consumer: Consumer, handle: BatchHandler, *, missed: MissedHook | None = None) -> NoReturn:
        """Hand events to `handle` until cancelled.

        The handler's return acknowledges the batch. Its errors: INVALID_ARGUMENT and OUT_OF_RANGE (`Poison` too) make
        a dead letter at once. Passing ones (UNAVAILABLE, ABORTED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, a time-out)
        are waited for, without new events meanwhile and without end. Everything else is retried by the consumer's
        back-off and becomes a dead letter after its last attempt; a batch that fails so is divided until the culprits
        stand alone. `each(handle)` hands over one event at a time.
        One batch is handled at a time for each stream that the consumer reads, the dead letters' included: with
        subjects in three streams, `handle` runs four times at once at most.
        Cancelled, it finishes the handler at work (bounded), gives back what waits, and ends.

        missed: called when the stream dropped messages before the consumer had them, before any event behind the gap
        is asked for. Only streams that drop their oldest message when they are full can do so. At least once: while it
        raises or takes longer than `Consumer.timeout` it is called again, and no event is taken; a process that dies
        before it returned finds the same gap at its next start, since the durable has not moved. Several replicas may
        each report one gap, or overlapping ones; `Missed` says by which numbers to recognise it.
        Not reported: what is dropped within the milliseconds between the look at the stream and the server's answer to
        the request after it, and messages that were delivered once and dropped before their next attempt.
        """

    async def broadcast(
        self, broadcast: Broadcast, handle: EventHandler, *, caught_up: asyncio.Event | None = None
    ) -> NoReturn:
        """Hand every event to this process, those of each pattern in order, until cancelled; reconnects resume where
        they stopped.

        caught_up: set once everything that was stored at the start has been handled.
        An event that the handler refuses three times is logged, counted and passed over.
        """

    async def ping(self) -> None:
        """Raises Unavailable unless the server answers within two seconds."""

    async def close(self) -> None: ...

    @property
    def dead_letters(self) -> DeadLetters: ...
