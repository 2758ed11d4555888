"""The parts of the story that need no platform."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from fp_flights import data
from fp_flights.story import rule
from fp_flights.story.calendar import END, SERVED, calendar
from fp_flights.story.clock import Pace, StoryClock
from fp_flights.story.outcome import status
from fp_flights.story.predictions import Answer, Predictions
from fp_flights.story.receiver import Receiver, listening
from fp_kernel import InvalidArgument
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
DAY = np.timedelta64(1, "D")


@pytest.fixture(scope="module")
def year():
    return data.load()


def test_the_replay_is_every_fourth_flight_of_seven_months_with_the_cancelled_ones(year):
    whole = calendar(year)
    assert 50_000 <= len(whole.replay) < 50_500
    assert whole.replay.scheduled[0] >= SERVED
    assert whole.replay.scheduled[-1] < END
    assert not whole.replay.landed().all()
    assert whole.control.held_out().all()
    assert whole.control.scheduled[-1] < SERVED
    assert 1_400 < whole.control_week < whole.replay_week < 1_700


def test_a_small_story_has_a_larger_stride_over_the_same_months(year):
    small = calendar(year, 5_000)
    assert 5_000 <= len(small.replay) < 5_100
    assert np.datetime64("2013-09-30") < small.replay.scheduled[-1]
    assert 140 < small.control_week < small.replay_week < 170
    with pytest.raises(InvalidArgument):
        calendar(year, 5_000, SERVED)


async def test_the_clock_never_goes_faster_than_its_pace_and_slower_while_a_version_is_made():
    clock = StoryClock(SERVED, Pace(usual=100.0, working=10.0))
    clock.know(SERVED + 60 * DAY)
    begun = time.monotonic()
    await clock.reach(SERVED + 50 * DAY)
    usual = time.monotonic() - begun
    clock.working = True
    await clock.reach(SERVED + 60 * DAY)
    assert usual >= 0.5 - 0.3
    assert time.monotonic() - begun >= 1.5 - 0.6
    assert clock.now == SERVED + 60 * DAY


async def test_the_clock_never_goes_back():
    clock = StoryClock(SERVED, Pace(usual=1e9, working=1e9))
    await clock.reach(SERVED + 2 * DAY)
    await clock.reach(SERVED + DAY)
    assert clock.now == SERVED + 2 * DAY


async def test_the_clock_waits_for_what_is_known():
    clock = StoryClock(SERVED, Pace(usual=1e9, working=1e9))
    async with asyncio.TaskGroup() as tasks:
        going = tasks.create_task(clock.reach(SERVED + 10 * DAY))
        await asyncio.sleep(0)
        assert (going.done(), clock.waiting, clock.now) == (False, True, SERVED + 7 * DAY)
        clock.know(SERVED + 7 * DAY)
    assert clock.now == SERVED + 10 * DAY


def test_several_callers_share_the_flights_in_order(year):
    predicted = Predictions(year.first(5))
    one, other = predicted.positions(), predicted.positions()
    assert [next(one), next(other), next(one), *other] == [0, 1, 2, 3, 4]
    assert list(one) == []


def test_only_flights_that_were_answered_and_have_landed_are_judged(year):
    chosen = year.where(np.flatnonzero(~year.landed())[:1]), year.first(3)
    predicted = Predictions(chosen[1])
    for place in (0, 2):
        predicted.answers[place] = Answer(f"r{place}", 0.25 * place, "1")
    flights, scores = predicted.judged()
    assert flights.key.tolist() == chosen[1].key[[0, 2]].tolist()
    assert scores.tolist() == [0.0, 0.5]
    assert predicted.judged(start=1)[1].tolist() == [0.5]
    cancelled = Predictions(chosen[0], {0: Answer("r", 0.1, "1")})
    assert len(cancelled.judged()[0]) == 0


def message(text="{}", identifier="m1", events=1):
    body = json.dumps({"type": text, "data": {"events": events}}).encode()
    now = real_now()
    signature = Webhook(SECRET).sign(identifier, now, body.decode())
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }, body


async def test_the_receiver_takes_signed_messages_once_and_no_others():
    async with listening() as receiver:
        receiver.secret = SECRET
        headers, body = message()
        assert await post(receiver, headers, body) == 204
        assert await post(receiver, headers, body) == 204
        assert await post(receiver, headers, body + b" ") == 401
    assert (len(receiver.by_id), receiver.repeated, receiver.refused) == (1, 1, 1)


async def test_a_message_of_a_flood_counts_as_the_alarms_that_it_stands_for():
    async with listening() as receiver:
        receiver.secret = SECRET
        for identifier, events in (("m1", 1), ("m2", 16)):
            assert await post(receiver, *message(identifier=identifier, events=events)) == 204
        async with asyncio.timeout(PATIENCE):
            await rule.heard(receiver, 17)
    assert (len(receiver.by_id), receiver.events) == (2, 17)


def test_alarms_of_a_minute_that_is_not_over_may_still_be_waiting_for_their_message():
    now = datetime(2013, 6, 1, 12, 0, 10, tzinfo=UTC)
    assert rule.due([now - timedelta(seconds=seconds) for seconds in (0, 10, 11, 3_600)], now) == 2


def test_a_message_before_the_secret_is_known_has_to_come_again():
    assert Receiver().take(*message()) == 503


async def post(receiver, headers, body):
    authority, _, path = receiver.url.removeprefix("http://").partition("/")
    host, _, port = authority.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST /{path} HTTP/1.1", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "closed"),
        ({"failed": 1}, "open"),
        ({"usage": 9}, "open"),
        ({"usage": 11}, "open"),
        ({"control_alarms": 1}, "open"),
        ({"retrains": 0}, "open"),
        ({"promoted": ""}, "open"),
        ({"production": "1"}, "open"),
        ({"identical": False}, "open"),
    ],
)
def test_the_loop_is_closed_only_when_everything_holds(change, expected):
    facts = {
        "predictions": 10,
        "failed": 0,
        "usage": 10,
        "control_alarms": 0,
        "retrains": 1,
        "promoted": "2",
        "production": "2",
        "identical": True,
    }
    assert status(**{**facts, **change}) == expected
