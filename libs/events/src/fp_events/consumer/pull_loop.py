"""Competing consumers: one durable a stream, pulled in batches."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from fp_kernel import Backoff, FailedPrecondition, Unavailable
from fp_telemetry import get_logger

from fp_events.bus import BatchHandler
from fp_events.cancellation import checkpoint
from fp_events.connection import Connection, Missing
from fp_events.consumer.declaration import Consumer
from fp_events.consumer.delivery import NatsDelivery
from fp_events.consumer.failure import reason, text
from fp_events.consumer.gap import Gap, MissedHook
from fp_events.consumer.held_messages import HeldMessages
from fp_events.consumer.outage import PausingSettlement
from fp_events.consumer.pull_subscription import Gone, PullSubscription
from fp_events.consumer.settlement import Settlement
from fp_events.message.envelope import received
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
        missed: MissedHook | None,
        *,
        connection: Connection,
        publisher: Publisher,
        admin: JetStreamAdmin,
        metrics: BusMetrics,
    ) -> None:
        self._consumer = consumer
        self._stream = stream
        self._missed = missed
        self._connection = connection
        self._admin = admin
        self._metrics = metrics
        self._settlement: PausingSettlement[NatsDelivery] = PausingSettlement(
            Settlement(consumer, handle, metrics), grace=_GRACE
        )
        self._gap = Gap(consumer.name, stream, metrics)
        self._held = HeldMessages(consumer, publisher)

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
                await self._report_gap()
                tries = 0
                await self._take()
            except (Gone, Missing, Unavailable) as error:
                if isinstance(error, Gone) and self._gap.unreported and self._connection.up:
                    continue  # a gap ended the pull, not the bus: it is reported at once
                log.info("consumer waits for the event bus", **self._facts(), error=repr(error))
            tries += 1
            await asyncio.sleep(AGAIN.delay(tries, random.random()))  # noqa: S311 -- spreads load, guards nothing

    async def _take(self) -> NoReturn:
        may_ask = self._nothing_was_missed if self._gap.possible else None
        room = 2 * self._consumer.batch
        pull = PullSubscription(self._connection, self._stream.name, self._consumer.name, room=room, may_ask=may_ask)
        self._held.use(pull)
        try:
            await pull.open()
            while True:
                await self._handle_batch(pull)
        finally:
            await self._held.give_back(pull)

    async def _handle_batch(self, pull: PullSubscription) -> None:
        deliveries = await self._held.take(pull)
        newest = max((delivery.metadata for delivery in deliveries), key=lambda metadata: metadata.sequence)
        self._gap.taken(newest.sequence, newest.time)
        await self._settlement.settle(await self._readable(deliveries), self._held.take_one_more)
        self._held.settled()

    async def _readable(self, deliveries: Sequence[NatsDelivery]) -> list[NatsDelivery]:
        readable: list[NatsDelivery] = []
        for delivery in deliveries:
            try:
                delivery.event = received(delivery.raw.subject, delivery.raw.data, delivery.raw.headers)
            except Poison as poison:
                await self._give_up(delivery, poison)
            else:
                readable.append(delivery)
        return readable

    async def _give_up(self, delivery: NatsDelivery, poison: Poison) -> None:
        log.error("event cannot be read", consumer=self._consumer.name, subject=delivery.message.subject)
        self._metrics.consumed(self._consumer.name, "dead")
        self._metrics.dead(self._consumer.name, reason(poison))
        await delivery.give_up(reason(poison), text(poison))

    async def _keep_alive(self) -> NoReturn:
        """Renew what is held here, so that ack_wait means "the replica is gone", not "it is slow"."""
        while True:
            await asyncio.sleep(self._consumer.ack_wait / 3)
            await self._held.renew()
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
            self._gap.seen(await self._admin.position(self._consumer, self._stream))

    async def _nothing_was_missed(self) -> bool:
        """Looked at before each request: once the server has delivered what lies behind a gap, nothing on it says that
        there was one, and a process that died then would have reported it to nobody.
        """
        await self._look_for_a_gap()
        return self._gap.unreported is None

    async def _report_gap(self) -> None:
        """Until the hook has taken it. A larger gap that is found meanwhile is reported as a whole."""
        await self._look_for_a_gap()
        tries = 0
        while (missed := self._gap.unreported) is not None:
            try:
                if self._missed is not None:
                    async with asyncio.timeout(self._consumer.timeout):
                        await self._missed(missed)
            except Exception as error:  # noqa: BLE001 -- whatever the hook raises, the gap stays to be reported
                tries += 1
                log.warning("missed events could not be reported", **self._facts(), tries=tries, error=text(error))
                await asyncio.sleep(AGAIN.delay(tries, random.random()))  # noqa: S311
            else:
                self._gap.reported(missed)

    def _facts(self) -> dict[str, str]:
        return {"consumer": self._consumer.name, "stream": self._stream.name}
