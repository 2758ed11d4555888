"""The bus on NATS JetStream."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from fp_telemetry import Metrics

from fp_events.bus import BatchHandler, EventHandler, Published
from fp_events.consumers import Broadcast, Consumer
from fp_events.dead_letters import DeadLetters
from fp_events.envelope import Outgoing
from fp_events.event import Event
from fp_events.streams import Stream


class NatsBus:
    """See `Bus`; made by `connect`."""

    def __init__(self, source: str) -> None:
        self._source = source

    @property
    def dead_letters(self) -> DeadLetters:
        raise NotImplementedError

    async def publish(self, events: Sequence[Event]) -> Published:
        raise NotImplementedError

    async def send(self, messages: Sequence[Outgoing]) -> Published:
        raise NotImplementedError

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        raise NotImplementedError

    async def consume(self, consumer: Consumer, handle: BatchHandler) -> NoReturn:
        raise NotImplementedError

    async def broadcast(
        self, broadcast: Broadcast, handle: EventHandler, *, caught_up: asyncio.Event | None = None
    ) -> NoReturn:
        raise NotImplementedError

    async def ping(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


async def connect(url: str, *, name: str, metrics: Metrics | None = None, replicas: int = 1) -> NatsBus:
    """A bus that stays connected by itself; it returns also while no server answers, `ping` tells.

    url: `nats://user:password@host:port`, several with commas.
    name: the service's noun; shown by the server, and the `source` of events that name none.
    metrics: where consumer lag and outcomes are counted.
    replicas: of each stream it creates; odd, 1 on a single server.
    """
    raise NotImplementedError
