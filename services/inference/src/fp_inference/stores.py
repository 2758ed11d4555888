"""What inference opens at its start."""

from typing import Any

from fp_events import CONSUMERS, Bus
from fp_events.streams import AUDIT, AUTH, INFERENCE, MODELS, PIPELINES
from fp_runtime import Runtime

from fp_inference.adapters.redis_link import client
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.settings import Settings

_SEGMENTS = 32
_SEGMENT_BYTES = 4 * 1024 * 1024


async def redis(runtime: Runtime, settings: Settings) -> Any:
    """Soft: routes are in memory, and limits are kept by each process alone while it is away."""

    async def open_client() -> Any:
        return client(settings.redis_url.get_secret_value())

    return await runtime.soft("redis", open_client, lambda redis: redis.ping(), lambda redis: redis.aclose())


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


async def feed(bus: Bus, tailer: Tailer) -> None:
    """Publish the spool, once the streams are there.

    An interest stream keeps an event only for durables that exist: those that are declared are made before it is fed.
    """
    interested = [consumer for consumer in CONSUMERS if INFERENCE in consumer.streams]
    await bus.ensure((MODELS, PIPELINES, INFERENCE, AUTH, AUDIT), interested)
    await tailer.run()
