"""Broadcasts: every process sees every event."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final, NoReturn

from fp_telemetry import get_logger
from nats.aio.msg import Msg

from fp_events import tracing
from fp_events.bus import EventHandler
from fp_events.cancellation import finish
from fp_events.consumer import failure
from fp_events.consumer.declaration import Broadcast
from fp_events.consumer.failure import Verdict
from fp_events.consumer.ordered import OrderedConsumer
from fp_events.message.envelope import received
from fp_events.message.event import Event, Poison
from fp_events.metrics import BusMetrics

log = get_logger(__name__)

_GRACE: Final = 8.0
_TIMEOUT: Final = 30.0
_WAITS: Final = (0.1, 0.5)


class BroadcastHandler:
    """Gives one broadcast's events to its handler: three attempts, then the event is logged and passed over.

    One event that cannot be handled must not hold up the later ones: a process that keeps state from a broadcast
    would otherwise never see them.
    """

    def __init__(self, broadcast: Broadcast, handle: EventHandler, metrics: BusMetrics) -> None:
        self._broadcast = broadcast
        self._handle = handle
        self._metrics = metrics

    async def announce(self, event: Event) -> None:
        if not event.known:
            self.unreadable(event.type, Poison("the payload is of a later build", reason="UNKNOWN_PAYLOAD"))
            return
        for wait in (*_WAITS, None):
            error = await self._attempt(event)
            if error is None:
                self._metrics.consumed(self._broadcast.name, "acked")
                return
            if wait is None or failure.verdict(error) is Verdict.PERMANENT:
                self._passed_over(event, error)
                return
            await asyncio.sleep(wait)

    def unreadable(self, subject: str, poison: Poison) -> None:
        log.error("event cannot be read", consumer=self._broadcast.name, subject=subject, error=failure.text(poison))
        self._metrics.consumed(self._broadcast.name, "dead")
        self._metrics.dead(self._broadcast.name, failure.reason(poison))

    async def _attempt(self, event: Event) -> Exception | None:
        try:
            with tracing.handling(self._broadcast.name, [event]), self._metrics.handling(self._broadcast.name):
                async with asyncio.timeout(_TIMEOUT):
                    await self._handle(event)
        except Exception as error:  # noqa: BLE001 -- decides over the event, not over the loop
            return error
        return None

    def _passed_over(self, event: Event, error: Exception) -> None:
        log.error(
            "event was passed over",
            consumer=self._broadcast.name,
            event_type=event.type,
            event_id=event.id,
            reason=failure.reason(error),
            error=failure.text(error),
        )
        self._metrics.consumed(self._broadcast.name, "dead")
        self._metrics.dead(self._broadcast.name, failure.reason(error))


async def run_broadcast(
    readers: Sequence[OrderedConsumer], announcer: BroadcastHandler, caught_up: asyncio.Event | None
) -> NoReturn:
    async with asyncio.TaskGroup() as group:
        for reader in readers:
            group.create_task(_announce(reader, announcer))
        while not all(reader.caught_up.is_set() for reader in readers):
            for reader in readers:
                await reader.caught_up.wait()
        if caught_up is not None:
            caught_up.set()
    raise AssertionError("a broadcast ends only by an error")


async def _announce(reader: OrderedConsumer, announcer: BroadcastHandler) -> None:
    async with aclosing(reader.messages()) as messages:
        async for message in messages:
            await finish(_hand_over(message, announcer), grace=_GRACE)


async def _hand_over(message: Msg, announcer: BroadcastHandler) -> None:
    try:
        event = received(message.subject, message.data, message.headers)
    except Poison as poison:
        announcer.unreadable(message.subject, poison)
    else:
        await announcer.announce(event)
