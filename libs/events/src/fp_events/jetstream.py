"""The bus on NATS JetStream."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from fp_telemetry import Metrics

from fp_events import limits
from fp_events.attribution import attributed
from fp_events.broadcasting import Announcer, announce_all
from fp_events.bus import BatchHandler, EventHandler, Published
from fp_events.connection import Connection
from fp_events.consumers import Broadcast, Consumer, Deliver
from fp_events.consuming import StreamConsumer
from fp_events.declaring import Declarer
from fp_events.envelope import Outgoing, outgoing
from fp_events.event import Event
from fp_events.meters import Meters
from fp_events.nats_dead_letters import NatsDeadLetters
from fp_events.ordered import OrderedReader
from fp_events.publishing import Publisher
from fp_events.streams import Stream


class NatsBus:
    """See `Bus`; made by `connect`."""

    def __init__(self, connection: Connection, *, source: str, meters: Meters, replicas: int) -> None:
        self._connection = connection
        self._source = source
        self._meters = meters
        self._declarer = Declarer(connection, replicas)
        self._publisher = Publisher(connection, meters)
        self._dead_letters = NatsDeadLetters(connection, self._publisher)

    @property
    def dead_letters(self) -> NatsDeadLetters:
        return self._dead_letters

    async def publish(self, events: Sequence[Event]) -> Published:
        return await self._publisher.send([outgoing(attributed(event, self._source)) for event in events])

    async def send(self, messages: Sequence[Outgoing]) -> Published:
        return await self._publisher.send(messages)

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        await self._declarer.ensure(streams, consumers)

    async def consume(self, consumer: Consumer, handle: BatchHandler) -> NoReturn:
        async with asyncio.TaskGroup() as group:
            for stream in consumer.streams:
                group.create_task(self._stream_consumer(consumer, stream, handle).run())
        raise AssertionError("a consumer ends only by an error")

    async def broadcast(
        self, broadcast: Broadcast, handle: EventHandler, *, caught_up: asyncio.Event | None = None
    ) -> NoReturn:
        readers = [self.reader(stream, patterns, broadcast.deliver) for stream, patterns in broadcast.streams.items()]
        await announce_all(readers, Announcer(broadcast, handle, self._meters), caught_up)

    def reader(self, stream: Stream, patterns: tuple[str, ...], deliver: Deliver) -> OrderedReader:
        """Every message of the patterns in order, without taking them from anyone."""
        return OrderedReader(stream, patterns, deliver, connection=self._connection, declarer=self._declarer)

    async def lag(self, consumer: Consumer) -> int:
        """Events that are kept for the consumer and not acknowledged by it. Raises Unavailable."""
        return sum([await self._declarer.lag(consumer, stream) for stream in consumer.streams])

    async def ping(self) -> None:
        await self._connection.ping()

    async def close(self) -> None:
        """End the connection; consumers must have been cancelled before, so that their acks are out."""
        await self._connection.close()

    def _stream_consumer(self, consumer: Consumer, stream: Stream, handle: BatchHandler) -> StreamConsumer:
        return StreamConsumer(
            consumer,
            stream,
            handle,
            connection=self._connection,
            publisher=self._publisher,
            declarer=self._declarer,
            meters=self._meters,
        )


async def connect(url: str, *, name: str, metrics: Metrics | None = None, replicas: int = 1) -> NatsBus:
    """A bus that stays connected by itself; it returns also while no server answers, `ping` tells.

    url: `nats://user:password@host:port`, several with commas.
    name: the service's noun; shown by the server, and the `source` of events that name none.
    metrics: where consumer lag and outcomes are counted.
    replicas: of each stream it creates; odd, 1 on a single server.
    Raises ValueError for a limit of a stream in the environment that is no number.
    """
    limits.check()
    connection = Connection(url, name)
    await connection.open()
    return NatsBus(connection, source=name, meters=Meters(metrics), replicas=replicas)
