import asyncio
from dataclasses import replace

import pytest
from fp_events import Consumer, each
from fp_events.consumer.settlement import Settlement
from fp_events.metrics import BusMetrics
from fp_kernel import InvalidArgument, Unavailable
from fp_telemetry import Metrics
from fp_testkit.suites.consuming import registered
from google.protobuf.any_pb2 import Any

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

    async def give_up(self, reason, error):
        self.outcome = reason

    async def restart(self):
        self.outcome = "restarted"


def settlement(handle, metrics=None):
    return Settlement(CONSUMER, handle, BusMetrics(metrics))


def outcomes(deliveries):
    return [delivery.outcome for delivery in deliveries]


async def test_from_the_third_delivery_on_an_event_is_handled_alone():
    sizes = []

    async def handle(events):
        sizes.append(len(events))

    deliveries = [Delivery(attempt=attempt) for attempt in (1, 2, 3, 1, 4)]
    await settlement(handle).settle(deliveries)
    assert sizes == [3, 1, 1]
    assert outcomes(deliveries) == ["acked"] * 5


async def test_an_event_whose_consumer_keeps_dying_is_dead_without_another_attempt():
    async def handle(events):
        pytest.fail("it would die again")

    deadly = Delivery(attempt=10)
    await settlement(handle).settle([deadly])
    assert deadly.outcome == "DEADLY"


async def test_a_passing_failure_settles_nothing_however_often_the_event_was_delivered():
    async def handle(events):
        raise Unavailable("away")

    deliveries = [Delivery(attempt=1), Delivery(attempt=2), Delivery(attempt=4)]
    assert await settlement(handle).settle(deliveries) == deliveries
    assert outcomes(deliveries) == [None] * 3


async def test_each_stops_at_the_first_passing_failure_and_leaves_the_culprit_for_last():
    tried = []

    async def handle(event):
        tried.append(event.resource_id)
        if event.resource_id == "model-b":
            raise Unavailable("away")

    deliveries = [Delivery(name) for name in "abcd"]
    a, b, c, d = deliveries
    assert await settlement(each(handle)).settle(deliveries) == [c, d, b]
    assert (a.outcome, tried) == ("acked", ["model-a", "model-b"])


async def test_while_others_succeed_a_passing_failure_costs_an_attempt_and_the_last_one_the_event():
    async def handle(events):
        if any(event.resource_id.startswith("model-bad") for event in events):
            raise TimeoutError

    bad, last, good = Delivery("bad", attempt=1), Delivery("bad too", attempt=4), Delivery("good")
    assert await settlement(handle).charge([bad, good, last]) == []
    assert outcomes([bad, good, last]) == ["retried", "acked", "INTERNAL"]


async def test_three_passing_failures_in_a_row_are_an_outage_for_those_behind_them():
    async def handle(events):
        raise Unavailable("away")

    deliveries = [Delivery(str(number)) for number in range(6)]
    assert await settlement(handle).charge(deliveries) == deliveries[3:]
    assert outcomes(deliveries) == ["retried"] * 3 + [None] * 3


async def test_a_payload_of_a_later_build_waits_and_is_counted_anew_before_it_could_die():
    async def handle(events):
        pytest.fail("nobody can handle it")

    fresh, old = Delivery(attempt=1), Delivery(attempt=40)
    for delivery in (fresh, old):
        delivery.event = replace(delivery.event, payload=Any(type_url="x/forgepoint.events.v1.Later"))
    assert await settlement(handle).settle([fresh, old]) == []
    assert outcomes([fresh, old]) == ["retried", "restarted"]


async def test_whoever_goes_by_envelopes_gets_payloads_of_a_later_build():
    known = []

    async def handle(events):
        known.extend(event.known for event in events)

    delivery = Delivery()
    delivery.event = replace(delivery.event, payload=Any(type_url="x/forgepoint.events.v1.Later"))
    await Settlement(replace(CONSUMER, takes_unknown=True), handle, BusMetrics(None)).settle([delivery, Delivery()])
    assert known == [False, True]


async def test_a_cancelled_call_inside_a_handler_is_its_failure_and_not_the_end():
    async def handle(events):
        raise asyncio.CancelledError

    delivery = Delivery()
    assert await settlement(handle).settle([delivery]) == [delivery]


async def test_each_with_concurrency_handles_so_many_at_once_and_no_more():
    at_work, most = 0, 0

    async def handle(event):
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1

    deliveries = [Delivery(str(number)) for number in range(10)]
    await settlement(each(handle, concurrency=3)).settle(deliveries)
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

    await settlement(handle, metrics).settle([Delivery("good"), Delivery("bad"), Delivery("better")])
    text = metrics.render()[0].decode()
    assert 'fp_test_events_consumed_total{consumer="x",outcome="acked"} 2.0' in text
    assert 'fp_test_events_dead_total{consumer="x",reason="BAD_STAGE"} 1.0' in text
    assert 'fp_test_events_handling_seconds_count{consumer="x"}' in text
