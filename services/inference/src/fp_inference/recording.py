"""How predictions are recorded: the spool on disk, what publishes it, and how often it is counted."""

from fp_events import CONSUMERS, Bus
from fp_events.streams import AUDIT, AUTH, BILLING, INFERENCE, MODELS, PIPELINES, PREDICTIONS
from fp_kernel import SystemClock
from fp_rpc import Channels
from fp_runtime import Runtime

from fp_inference.adapters.log_policies import JsonPolicyFile, MonitorPolicies
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.recorder import SpoolRecorder
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.logged_models import LoggedModels
from fp_inference.app.replays import Replays
from fp_inference.settings import Settings

_HOUR = 3_600.0
_PEER_TIMEOUT = 5.0
_SEGMENTS = 32
_SEGMENT_BYTES = 4 * 1024 * 1024


async def open_spool(runtime: Runtime, settings: Settings) -> Spool:
    """Hard: without it no prediction can be recorded. The process before may hold the folder for a moment yet."""

    async def opened() -> Spool:
        return spool_of(settings)

    async def ping(spool: Spool) -> None:
        spool.check()

    async def close(spool: Spool) -> None:
        spool.close()

    return await runtime.hard("spool", opened, ping, close)


def spool_of(settings: Settings) -> Spool:
    """Raises SpoolTaken."""
    segment = min(_SEGMENT_BYTES, settings.spool_max_bytes // _SEGMENTS)
    return Spool(settings.spool_dir, max_bytes=settings.spool_max_bytes, segment_bytes=segment)


def logged_models(runtime: Runtime, settings: Settings, channels: Channels) -> LoggedModels:
    """Followed from now on."""
    file = JsonPolicyFile(settings.spool_dir / "logged.json")
    if settings.monitor_addr is None:
        return LoggedModels(None, file)
    channel = channels.open(settings.monitor_addr, peer="monitor", timeout=_PEER_TIMEOUT)
    models = LoggedModels(MonitorPolicies(channel), file)
    runtime.keep("logged models", lambda: models.follow_always(settings.log_policy_seconds))
    return models


def publisher(
    spool: Spool, bus: Bus, replays: Replays, runtime: Runtime, settings: Settings, *, models: LoggedModels
) -> tuple[SpoolRecorder, Tailer]:
    """What records predictions, and what publishes them."""
    max_age = max_age_of(settings)
    builder = Builder(spool.layouts, runtime.clock, runtime.metrics)
    recorder = SpoolRecorder(spool, builder, runtime.clock, runtime.metrics, models=models)
    tailer = Tailer(
        spool,
        bus.send,
        replays,
        builder=builder,
        models=models,
        metrics=runtime.metrics,
        clock=SystemClock(),
        max_age=max_age,
    )
    return recorder, tailer


def max_age_of(settings: Settings) -> float:
    """Seconds after which what waits is dropped."""
    return settings.spool_max_hours * _HOUR


async def feed(bus: Bus, tailer: Tailer) -> None:
    """Publish the spool, once the streams are there."""
    await prepare(bus)
    await tailer.run()


async def prepare(bus: Bus) -> None:
    """Before anything of the spool is published.

    An interest stream keeps an event only for durables that exist, and copies it only into a stream that exists: both
    are made before it is fed.
    """
    interested = [consumer for consumer in CONSUMERS if INFERENCE in consumer.streams]
    await bus.ensure((MODELS, PIPELINES, INFERENCE, PREDICTIONS, AUTH, AUDIT, BILLING), interested)


async def count(spool: Spool) -> None:
    """Record how much was recorded."""
    spool.count()
