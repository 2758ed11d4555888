"""Competing consumers: one durable a stream, pulled in batches."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from fp_kernel import Backoff, FailedPrecondition, Unavailable
from fp_telemetry import get_logger
from nats.aio.msg import Msg

from fp_events.bus import BatchHandler
from fp_events.cancellation import checkpoint
from fp_events.connection import Connection
from fp_events.consumer.declaration import Consumer
from fp_events.consumer.delivery import NatsDelivery
from fp_events.consumer.failure import reason, text
from fp_events.consumer.gap import Gap
from fp_events.consumer.outage import PausingSettlement
from fp_events.consumer.pull_subscription import Gone, PullSubscription
from fp_events.consumer.settlement import Settlement
from fp_events.message.envelope import decode
from fp_events.message.event import Poison
from fp_events.metrics import BusMetrics
from fp_events.publisher.publisher import Publisher
from fp_events.streams import Stream
from fp_events.streams.admin import JetStreamAdmin

log = get_logger(__name__)

_GRACE: Final = 8.0  # seconds; below the time in which a service drains, or the service cuts it first
_LAG_EVERY: Final = 10.0
AGAIN: Final = Backoff(first=0.1, longest=5.0)


class PullLoop:
    """One durable of one stream, for one process."""

    def __init__(
        self,
        consumer: Consumer,
        stream: Stream,
        handle: BatchHandler,
        *,
        connection: Connection,
        publisher: Publisher,
        admin: JetStreamAdmin,
        metrics: BusMetrics,
    ) -> None:
        self._consumer = consumer
        self._stream = stream
        self._connection = connection
        self._publisher = publisher
        self._admin = admin
        self._metrics = metrics
        self._patient: PausingSettlement[NatsDelivery] = PausingSettlement(
            Settlement(consumer, handle, metrics), grace=_GRACE
        )
        self._gap = Gap(consumer.name, stream, metrics)
        self._hand: list[NatsDelivery] = []
        self._pull: PullSubscription | None = None

    async def run(self) -> NoReturn:
        """Until cancelled. Raises FailedPrecondition when the server refuses the consumer as it is declared."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_alive())
            group.create_task(self._watch_lag())
            await self._consume()
        raise AssertionError("a consumer ends only by an error")

    async def _consume(self) -> NoReturn:
        tries = 0
        while True:
            try:
                await self._admin.ensure([self._stream], [])
                await self._admin.ensure_durable(self._consumer, self._stream)
                await self._look_for_a_gap()
                tries = 0
                await self._take()
            except (Gone, Unavailable) as error:
                log.info("consumer waits for the event bus", **self._facts(), error=repr(error))
            tries += 1
            await asyncio.sleep(AGAIN.delay(tries, random.random()))  # noqa: S311 -- spreads load, guards nothing

    async def _take(self) -> NoReturn:
        pull = PullSubscription(self._connection, self._stream.name, self._consumer.name, room=2 * self._consumer.batch)
        self._pull = pull
        try:
            await pull.open()
            while True:
                await self._batch(pull)
        finally:
            await self._give_back(pull)

    async def _batch(self, pull: PullSubscription) -> None:
        messages = await pull.next(self._consumer.batch, self._consumer.linger)
        self._hand = [self._delivery(message) for message in messages]
        await self._patient.settle(await self._readable(self._hand), lambda: self._more(pull))
        self._hand = []

    def _more(self, pull: PullSubscription) -> list[NatsDelivery]:
        """One that came already. What cannot be read is left where it is."""
        for message in pull.buffer:
            delivery = self._delivery(message)
            try:
                delivery.event = decode(message.data, message.headers)
            except Poison:
                continue
            pull.buffer.remove(message)
            self._hand.append(delivery)
            return [delivery]
        return []

    async def _readable(self, deliveries: Sequence[NatsDelivery]) -> list[NatsDelivery]:
        readable: list[NatsDelivery] = []
        for delivery in deliveries:
            try:
                delivery.event = decode(delivery.message.data, delivery.message.headers)
            except Poison as poison:
                await self._bury(delivery, poison)
            else:
                readable.append(delivery)
        return readable

    async def _bury(self, delivery: NatsDelivery, poison: Poison) -> None:
        log.error("event cannot be read", consumer=self._consumer.name, subject=delivery.message.subject)
        self._metrics.consumed(self._consumer.name, "dead")
        self._metrics.dead(self._consumer.name, reason(poison))
        await delivery.bury(reason(poison), text(poison))

    async def _keep_alive(self) -> NoReturn:
        """Renew what is in hand or waits here, so that ack_wait means "the replica is gone", not "it is slow"."""
        while True:
            await asyncio.sleep(self._consumer.ack_wait / 3)
            waiting = [self._delivery(message) for message in self._pull.buffer] if self._pull else []
            for delivery in (*self._hand, *waiting):
                await delivery.renew()
            checkpoint()

    async def _watch_lag(self) -> NoReturn:
        while True:
            with suppress(Unavailable, FailedPrecondition):
                lag = await self._admin.lag(self._consumer, self._stream)
                self._metrics.lag(self._consumer.name, self._stream.name, lag)
                await self._look_for_a_gap()
            await asyncio.sleep(_LAG_EVERY)

    async def _look_for_a_gap(self) -> None:
        if self._gap.possible:
            first, delivered = await self._admin.position(self._consumer, self._stream)
            self._gap.seen(first=first, delivered=delivered)

    async def _give_back(self, pull: PullSubscription) -> None:
        left = [self._delivery(message) for message in await pull.close()]
        for delivery in (*(delivery for delivery in self._hand if not delivery.settled), *left):
            await delivery.give_back()
        self._hand = []

    def _delivery(self, message: Msg) -> NatsDelivery:
        return NatsDelivery(message, self._consumer, self._publisher)

    def _facts(self) -> dict[str, str]:
        return {"consumer": self._consumer.name, "stream": self._stream.name}
