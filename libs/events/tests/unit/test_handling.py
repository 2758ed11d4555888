import asyncio

import pytest
from fp_events import Consumer, each
from fp_events.handling import Settler
from fp_events.meters import Meters
from fp_kernel import InvalidArgument, Unavailable
from fp_telemetry import Metrics
from fp_testkit.suites.consuming import registered

CONSUMER = Consumer("x", ("fp.models.>",), max_attempts=4)


class Delivery:
    def __init__(self, name="x", attempt=1):
        self.event = registered(name)
        self.attempt = attempt
        self.outcome = None

    async def ack(self):
        self.outcome = "acked"

    async def retry(self, delay):
        self.outcome = "retried"

    async def bury(self, reason, error):
        self.outcome = reason


def settler(handle, metrics=None):
    return Settler(CONSUMER, handle, Meters(metrics))


def outcomes(deliveries):
    return [delivery.outcome for delivery in deliveries]


async def test_from_the_third_delivery_on_an_event_is_handled_alone():
    sizes = []

    async def handle(events):
        sizes.append(len(events))

    deliveries = [Delivery(attempt=attempt) for attempt in (1, 2, 3, 1, 4)]
    await settler(handle).settle(deliveries)
    assert sizes == [3, 1, 1]
    assert outcomes(deliveries) == ["acked"] * 5


async def test_an_event_whose_consumer_keeps_dying_is_dead_without_another_attempt():
    async def handle(events):
        pytest.fail("it would die again")

    deadly = Delivery(attempt=10)
    await settler(handle).settle([deadly])
    assert deadly.outcome == "DEADLY"


async def test_a_batch_at_its_last_attempt_is_judged_one_by_one():
    consumer = Consumer("x", ("fp.models.>",), max_attempts=2)
    bad = registered("bad")

    async def handle(events):
        if bad.id in [event.id for event in events]:
            raise Unavailable("away")

    deliveries = [Delivery(attempt=1), Delivery(attempt=2), Delivery(attempt=2)]
    deliveries[2].event = bad
    await Settler(consumer, handle, Meters(None)).settle(deliveries)
    assert outcomes(deliveries) == ["retried", "acked", "UNAVAILABLE"]


async def test_a_cancelled_call_inside_a_handler_is_its_failure_and_not_the_end():
    async def handle(events):
        raise asyncio.CancelledError

    delivery = Delivery()
    await settler(handle).settle([delivery])
    assert delivery.outcome == "retried"


async def test_each_with_concurrency_handles_so_many_at_once_and_no_more():
    at_work, most = 0, 0

    async def handle(event):
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1

    deliveries = [Delivery(str(number)) for number in range(10)]
    await settler(each(handle, concurrency=3)).settle(deliveries)
    assert most == 3
    assert outcomes(deliveries) == ["acked"] * 10


async def test_each_can_be_called_as_a_batch_handler():
    seen = []

    async def handle(event):
        seen.append(event)

    events = [registered("a"), registered("b")]
    await each(handle)(events)
    assert seen == events


async def test_outcomes_are_counted():
    metrics = Metrics("test")

    async def handle(events):
        if any(event.resource_id == "model-bad" for event in events):
            raise InvalidArgument("bad", reason="BAD_STAGE")

    await settler(handle, metrics).settle([Delivery("good"), Delivery("bad"), Delivery("better")])
    text = metrics.render()[0].decode()
    assert 'fp_test_events_consumed_total{consumer="x",outcome="acked"} 2.0' in text
    assert 'fp_test_events_dead_total{consumer="x",reason="BAD_STAGE"} 1.0' in text
    assert 'fp_test_events_handling_seconds_count{consumer="x"}' in text
