from types import SimpleNamespace

import pytest
from fp_events.consumer.pull_subscription import Gone, PullSubscription
from nats import errors


class Connection:
    """Connected, with a client that cannot publish."""

    up = True
    generation = 0

    def __init__(self):
        self.client = self

    def watch(self, *, lost, back):
        return lambda: None

    async def publish(self, subject, data, reply):
        raise errors.OutboundBufferLimitError


async def test_messages_that_were_taken_are_given_back_when_the_next_ones_cannot_be_asked_for():
    """Lost, they would wait for the end of their ack-wait, and cost their events an attempt."""
    pull = PullSubscription(Connection(), "MODELS", "x", room=4)
    pull.buffer.extend(messages := [SimpleNamespace(reply=str(number)) for number in range(3)])
    with pytest.raises(Gone):
        await pull.next(2)
    assert await pull.close() == messages
