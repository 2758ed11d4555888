"""The messages that one process holds: those in its handler, and those that came ahead of need."""

from collections.abc import Iterator

from fp_events.consumer.declaration import Consumer
from fp_events.consumer.delivery import NatsDelivery
from fp_events.consumer.pull_subscription import PullSubscription
from fp_events.message.envelope import received
from fp_events.message.event import Poison
from fp_events.publisher.publisher import Publisher


class HeldMessages:
    """The one place that knows them, so that each is renewed while it waits and given back when the pull ends."""

    def __init__(self, consumer: Consumer, publisher: Publisher) -> None:
        self._consumer = consumer
        self._publisher = publisher
        self._pull: PullSubscription | None = None
        self._in_handler: list[NatsDelivery] = []

    def use(self, pull: PullSubscription) -> None:
        self._pull = pull

    async def take(self, pull: PullSubscription) -> list[NatsDelivery]:
        """Wait for the next batch. Raises Gone."""
        messages = await pull.next(self._consumer.batch, self._consumer.linger)
        self._in_handler = [NatsDelivery(message, self._consumer, self._publisher) for message in messages]
        return list(self._in_handler)

    def take_one_more(self) -> list[NatsDelivery]:
        """One that came already, if there is one. What cannot be read is left where it is."""
        for delivery in self._ahead():
            try:
                delivery.event = received(delivery.raw.subject, delivery.raw.data, delivery.raw.headers)
            except Poison:
                continue
            if self._pull is not None:
                self._pull.buffer.remove(delivery.raw)
            self._in_handler.append(delivery)
            return [delivery]
        return []

    def settled(self) -> None:
        """All that was in the handler has its outcome."""
        self._in_handler = []

    async def renew(self) -> None:
        for delivery in [*self._in_handler, *self._ahead()]:
            await delivery.renew()

    async def give_back(self, pull: PullSubscription) -> None:
        """End the pull; whatever has no outcome goes to another replica at once."""
        ahead = [NatsDelivery(message, self._consumer, self._publisher) for message in await pull.close()]
        for delivery in (*(delivery for delivery in self._in_handler if not delivery.settled), *ahead):
            await delivery.give_back()
        self._in_handler = []

    def _ahead(self) -> Iterator[NatsDelivery]:
        for message in self._pull.buffer if self._pull else ():
            yield NatsDelivery(message, self._consumer, self._publisher)
