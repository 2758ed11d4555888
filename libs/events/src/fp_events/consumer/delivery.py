"""Messages of a durable, settled one by one."""

from datetime import UTC, datetime

from fp_telemetry import get_logger
from nats import errors
from nats.aio.msg import Msg

from fp_events.consumer.declaration import Consumer
from fp_events.consumer.failure import delay
from fp_events.consumer.metadata import metadata_of
from fp_events.dead_letters.headers import again, dead_letter, event_id
from fp_events.message.envelope import EncodedEvent
from fp_events.message.event import Event
from fp_events.publisher.publisher import Publisher

log = get_logger(__name__)


class NatsDelivery:
    """A message that is not settled. One whose outcome cannot be sent to the server comes again after the ack-wait."""

    __slots__ = ("_consumer", "_publisher", "event", "metadata", "raw", "settled")

    event: Event

    def __init__(self, message: Msg, consumer: Consumer, publisher: Publisher) -> None:
        self.raw = message
        self._consumer = consumer
        self._publisher = publisher
        self.metadata = metadata_of(message)
        self.settled = False

    @property
    def attempt(self) -> int:
        return self.metadata.delivery

    @property
    def message(self) -> EncodedEvent:
        headers = self.raw.headers or {}
        return EncodedEvent(event_id(headers), self.raw.subject, self.raw.data, headers)

    async def ack(self) -> None:
        await self._settle(b"")

    async def retry(self, delay: float) -> None:
        await self._settle(b'-NAK {"delay": %d}' % int(delay * 1e9))

    async def give_back(self) -> None:
        """To another replica, at once."""
        await self._settle(b"-NAK")

    async def renew(self) -> None:
        """Still at work: the ack-wait starts again."""
        if not self.settled:
            await self._send(b"+WPI")

    async def give_up(self, reason: str, error: str) -> None:
        dead = dead_letter(
            self.message,
            self._consumer.name,
            origin=f"{self.metadata.stream}-{self.metadata.sequence}",
            attempts=self.attempt,
            reason=reason,
            error=error,
            now=datetime.now(UTC),
        )
        published = await self._publisher.send([dead])
        if failed := next(iter(published.failed.values()), None):
            log.error("dead letter could not be stored, the event will come again", reason=failed.reason)
            await self.retry(delay(self._consumer, self.attempt, failed))
        else:
            await self.ack()

    async def restart(self) -> None:
        published = await self._publisher.send([again(self.message, self._consumer.name)])
        if failed := next(iter(published.failed.values()), None):
            await self.retry(delay(self._consumer, self.attempt, failed))
        else:
            await self.ack()

    async def _settle(self, verdict: bytes) -> None:
        self.settled = True
        await self._send(verdict)

    async def _send(self, verdict: bytes) -> None:
        try:
            await self.raw._client.publish(self.raw.reply, verdict)  # noqa: SLF001 -- ack() parses and checks what is known
        except (errors.Error, OSError) as error:
            log.warning("the acknowledgement did not reach the event bus, the event will come again", error=repr(error))
