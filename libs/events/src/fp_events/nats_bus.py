"""The bus on NATS JetStream."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fp_kernel import Unavailable
from fp_telemetry import Metrics

from fp_events.bus import BatchHandler, EventHandler, Published
from fp_events.connection import Connection, Missing
from fp_events.consumer.broadcast import BroadcastHandler, run_broadcast
from fp_events.consumer.declaration import Broadcast, Consumer, Deliver
from fp_events.consumer.gap import MissedHook
from fp_events.consumer.ordered import OrderedConsumer
from fp_events.consumer.pull_loop import PullLoop
from fp_events.dead_letters.stream import NatsDeadLetters
from fp_events.message.envelope import EncodedEvent, encoded
from fp_events.message.event import Event
from fp_events.metrics import BusMetrics
from fp_events.publisher.origin import attributed
from fp_events.publisher.publisher import Publisher
from fp_events.streams import Stream, limits
from fp_events.streams.admin import Fill, JetStreamAdmin


class NatsBus:
    """See `Bus`; made by `connect`."""

    def __init__(self, connection: Connection, *, source: str, metrics: BusMetrics, replicas: int) -> None:
        self._connection = connection
        self._source = source
        self._metrics = metrics
        self._admin = JetStreamAdmin(connection, replicas)
        self._publisher = Publisher(connection, metrics)
        self._dead_letters = NatsDeadLetters(connection, self._publisher)

    @property
    def dead_letters(self) -> NatsDeadLetters:
        return self._dead_letters

    async def publish(self, events: Sequence[Event]) -> Published:
        return await self._publisher.send([encoded(attributed(event, self._source)) for event in events])

    async def send(self, messages: Sequence[EncodedEvent]) -> Published:
        return await self._publisher.send(messages)

    async def fill(self, streams: Sequence[Stream]) -> Sequence[Fill]:
        """How full these streams are, for operators. Raises Unavailable."""
        return await self._admin.fill(streams)

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        await self._admin.ensure(streams, consumers)

    async def consume(self, consumer: Consumer, handle: BatchHandler, *, missed: MissedHook | None = None) -> NoReturn:
        async with asyncio.TaskGroup() as group:
            for stream in consumer.streams:
                group.create_task(self._pull_loop(consumer, stream, handle, missed).run())
        raise AssertionError("a consumer ends only by an error")

    async def broadcast(
        self, broadcast: Broadcast, handle: EventHandler, *, caught_up: asyncio.Event | None = None
    ) -> NoReturn:
        # One for each pattern: a service has the right to those of its patterns, not to all that their stream holds.
        readers = [
            self.reader(stream, (pattern,), broadcast.deliver)
            for stream, patterns in broadcast.streams.items()
            for pattern in patterns
        ]
        await run_broadcast(readers, BroadcastHandler(broadcast, handle, self._metrics), caught_up)

    def reader(self, stream: Stream, patterns: tuple[str, ...], deliver: Deliver) -> OrderedConsumer:
        """Every message of the patterns in order, without taking them from anyone."""
        return OrderedConsumer(stream, patterns, deliver, connection=self._connection, admin=self._admin)

    async def lag(self, consumer: Consumer) -> int:
        """Events that are stored for the consumer and not acknowledged by it.

        Raises Unavailable, and FailedPrecondition while there is no such consumer.
        """
        return sum([await self._admin.lag(consumer, stream) for stream in consumer.streams])

    async def unread(self, consumer: Consumer) -> int:
        """Events that wait for the consumer and that no replica has been handed.

        Before them may be a gap that nobody has seen; with 0, every gap until now has been reported.
        Raises Unavailable, also while there is no such consumer.
        """
        try:
            return sum([await self._admin.unread(consumer, stream) for stream in consumer.streams])
        except Missing as missing:
            raise Unavailable(f"consumer {consumer.name} is not there yet") from missing

    async def ping(self) -> None:
        await self._connection.ping()

    async def close(self) -> None:
        """End the connection; consumers must have been cancelled before, so that their acks are out."""
        await self._connection.close()

    def _pull_loop(
        self, consumer: Consumer, stream: Stream, handle: BatchHandler, missed: MissedHook | None
    ) -> PullLoop:
        return PullLoop(
            consumer,
            stream,
            handle,
            missed,
            connection=self._connection,
            publisher=self._publisher,
            admin=self._admin,
            metrics=self._metrics,
        )


async def connect(
    url: str, *, name: str, metrics: Metrics | None = None, replicas: int = 1, ca_file: Path | None = None
) -> NatsBus:
    """A bus that stays connected by itself; it also returns while no server answers: `ping` finds out.

    url: `nats://user:password@host:port`, several with commas.
    name: the service's noun; shown by the server, and the `source` of events that name none.
    metrics: where consumer lag and outcomes are counted.
    replicas: of each stream it creates; odd, 1 on a single server.
    ca_file: the authorities whose certificate the server must have, read anew at each connection; a server that speaks
    no TLS is refused.
    Raises ValueError for a limit of a stream in the environment that is no number.
    """
    limits.check()
    connection = Connection(url, name, ca_file)
    await connection.open()
    return NatsBus(connection, source=name, metrics=BusMetrics(metrics), replicas=replicas)
