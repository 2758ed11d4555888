"""The parts of inference that need more than one call to make; `main` has the rest."""

from fp_events import CONSUMERS, Bus
from fp_events.streams import AUDIT, AUTH, BILLING, INFERENCE, MODELS, PIPELINES, PREDICTIONS
from fp_kernel import Clock, SystemClock
from fp_redis import RedisClient
from fp_redis.hosting import soft_link
from fp_rpc import Channels
from fp_runtime import Runtime
from fp_telemetry import Metrics

from fp_inference.adapters.billing import BillingUsage
from fp_inference.adapters.redis_replays import RedisReplays
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.bulkhead import Bulkheads
from fp_inference.app.replays import Replays
from fp_inference.settings import Settings

_PEER_TIMEOUT = 5.0
_HOUR = 3_600.0
_SEGMENTS = 32
_SEGMENT_BYTES = 4 * 1024 * 1024


async def redis(runtime: Runtime, settings: Settings, clock: Clock) -> RedisClient:
    """Soft: routes are in memory, and limits are kept by each process alone while it is away."""
    url = settings.redis_url.get_secret_value()
    return await soft_link(runtime, url, clock, store="redis", seconds=settings.redis_timeout)


async def spool(runtime: Runtime, settings: Settings) -> Spool:
    """Hard: without it no prediction can be recorded. The process before may hold the folder for a moment yet."""

    async def open_spool() -> Spool:
        segment = min(_SEGMENT_BYTES, settings.spool_max_bytes // _SEGMENTS)
        return Spool(settings.spool_dir, max_bytes=settings.spool_max_bytes, segment_bytes=segment)

    async def ping(spool: Spool) -> None:
        spool.check()

    async def close(spool: Spool) -> None:
        spool.close()

    return await runtime.hard("spool", open_spool, ping, close)


def replays(runtime: Runtime, link: RedisClient, spool: Spool, clock: Clock) -> Replays:
    """What the process before answered and nobody stored yet comes back meanwhile: it may be much."""
    replays = Replays(RedisReplays(link), clock)
    runtime.task("replays", replays.recover(record.replay for record in spool.unpublished()))
    return replays


def tailer(spool: Spool, bus: Bus, replays: Replays, runtime: Runtime, settings: Settings) -> Tailer:
    max_age = settings.spool_max_hours * _HOUR
    return Tailer(spool, bus.send, replays, runtime.metrics, SystemClock(), max_age=max_age)


def bulkheads(metrics: Metrics, settings: Settings) -> tuple[Bulkheads, Bulkheads]:
    """Places of models and of their targets."""
    models = Bulkheads(settings.bulkhead_of_models)
    metrics.gauge("in_flight", "Predictions at runtimes.").set_function(lambda: models.in_flight)
    return models, Bulkheads(settings.bulkhead_of_targets)


def usage(channels: Channels, settings: Settings) -> BillingUsage | None:
    """None where no billing is to be asked."""
    if settings.billing_addr is None:
        return None
    return BillingUsage(channels.open(settings.billing_addr, timeout=_PEER_TIMEOUT))


async def feed(bus: Bus, tailer: Tailer) -> None:
    """Publish the spool, once the streams are there.

    An interest stream keeps an event only for durables that exist, and copies it only into a stream that exists: both
    are made before it is fed.
    """
    interested = [consumer for consumer in CONSUMERS if INFERENCE in consumer.streams]
    await bus.ensure((MODELS, PIPELINES, INFERENCE, PREDICTIONS, AUTH, AUDIT, BILLING), interested)
    await tailer.run()


async def count(spool: Spool) -> None:
    """Say how much was recorded, beside it."""
    spool.count()
