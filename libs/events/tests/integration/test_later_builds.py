"""Payloads that a producer of a later build sends."""

from dataclasses import replace

import pytest
from fp_events import CONSUMERS, Matching
from fp_testkit.suites.consuming import Recorder, consuming, registered
from google.protobuf.any_pb2 import Any


@pytest.mark.parametrize(
    "consumer", [each for each in CONSUMERS if any(subject.endswith(">") for subject in each.subjects)]
)
async def test_five_thousand_events_of_a_later_build_hold_up_none_that_is_known(bus, consumer):
    """More than may wait in back-off: a consumer that takes a whole stream would stand still behind them."""
    later = Any(type_url="type.googleapis.com/forgepoint.events.v1.RocketLaunched")
    recorder = Recorder()
    await bus.ensure([], [consumer])
    for _ in range(10):
        await bus.publish([replace(registered(), type="fp.models.rocket", payload=later) for _ in range(500)])
    await bus.publish([known := registered("known")])
    async with consuming(bus, consumer, recorder):
        assert (await recorder.has(5_001))[-1].id == known.id
    assert not await bus.dead_letters.list(Matching(consumer.name))
