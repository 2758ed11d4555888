"""A spool that no process has any more: its volume stayed, and its pod did not."""

import asyncio
from collections import Counter

import pytest
from fp_events import Consumer, each
from fp_events.payloads.predictions import opened
from fp_inference import draining
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.recorder import SpoolRecorder
from fp_inference.adapters.spool.spool import Spool, SpoolTaken
from fp_inference.recording import spool_of
from fp_inference.settings import Settings
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from inference_fakes.logged import models
from inference_fakes.spooled import completed

_COUNTER = Consumer("counter", ("fp.inference.recorded", "fp.inference.completed", "fp.inference.failed"))


@pytest.fixture
def settings(tmp_path, nats_url, redis_url):
    return Settings(
        auth_issuer="http://auth:8080",
        auth_addr="auth:9090",
        pipeline_addr="pipeline:9090",
        service_secret="a credential of the service",
        nats_url=nats_url,
        redis_url=redis_url,
        redis_timeout=PATIENCE,
        spool_dir=tmp_path / "spool",
    )


def left_behind(settings, requests):
    """By a process that answered and was killed."""
    spool = spool_of(settings)
    clock, metrics = ManualClock(), Metrics("inference")
    builder = Builder(spool.layouts, clock, metrics)
    recorder = SpoolRecorder(spool, builder, clock, metrics, models=models(team="risk", sample_bps=0))
    for request in requests:
        recorder.completed(completed("risk", request), None)
    spool.close()


async def test_what_was_left_behind_is_published_once_and_nothing_waits(settings, bus):
    left_behind(settings, ["1", "2", "3"])
    seen, all_of_them = Counter(), asyncio.Event()

    async def count(event):
        seen.update(prediction.payload.request_id for prediction in opened(event))
        if len(seen) == 3:
            all_of_them.set()

    await bus.ensure((), (_COUNTER,))
    async with asyncio.TaskGroup() as group:
        counting = group.create_task(bus.consume(_COUNTER, each(count)))
        assert await draining.drain(settings, RunningClock(), PATIENCE) == 0
        assert await draining.drain(settings, RunningClock(), PATIENCE) == 0
        async with asyncio.timeout(PATIENCE):
            await all_of_them.wait()
        counting.cancel()

    assert seen == {"1": 1, "2": 1, "3": 1}
    spool = spool_of(settings)
    assert list(spool.unpublished()) == []
    spool.close()


async def test_while_the_bus_is_away_all_of_it_stays(settings):
    left_behind(settings, ["1", "2"])
    away = settings.model_copy(update={"nats_url": type(settings.nats_url)("nats://a:b@127.0.0.1:9")})

    left = await draining.drain(away, RunningClock(), 0)

    assert left >= 2
    spool = spool_of(settings)
    assert [record.report for record in spool.unpublished()]
    spool.close()


async def test_what_was_published_before_the_patience_ended_is_not_said_to_wait(settings, monkeypatch):
    left_behind(settings, ["1", "2"])

    async def prepare(_):
        """The streams are there."""

    async def flush(tailer):
        first = tailer._spool.take(1)
        tailer._spool.commit(first[-1].after)

    monkeypatch.setattr(draining.recording, "prepare", prepare)
    monkeypatch.setattr(draining.Tailer, "flush", flush)
    left = await draining.drain(settings, RunningClock(), 0)

    spool = spool_of(settings)
    waiting = list(spool.unpublished())
    spool.close()
    assert left == len(waiting) > 0


async def test_a_spool_that_a_process_has_is_left_to_it(settings):
    held: Spool = spool_of(settings)

    with pytest.raises(SpoolTaken):
        await draining.drain(settings, RunningClock(), 0)

    held.close()
