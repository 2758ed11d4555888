"""python -m fp_inference.draining [--patience SECONDS]: publish the spool of a process that does not come back.

For a volume that a StatefulSet left behind when it was made smaller while the bus was away. It takes inference's own
settings, and the volume where they say. Exits 1 when something still waits at the end of the patience; nothing is lost.
"""

import argparse
import asyncio
import sys
from typing import Final

from fp_events import Bus, connect
from fp_kernel import Clock, Error, SystemClock
from fp_redis import RedisClient
from fp_runtime.settings import InvalidSettings, load
from fp_telemetry import Metrics, get_logger

from fp_inference import recording
from fp_inference.adapters.log_policies import JsonPolicyFile
from fp_inference.adapters.redis_replays import RedisReplays
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.spool import Spool, SpoolTaken
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.logged_models import LoggedModels, Policies
from fp_inference.app.replays import Replays
from fp_inference.settings import Settings

_AGAIN: Final = 1.0  # seconds
_NOUN: Final = "inference"

_log = get_logger(__name__)


class Kept:
    """The policies that the process before knew: its predictions are logged by those."""

    def __init__(self, file: JsonPolicyFile) -> None:
        self._file = file

    async def all(self) -> Policies:
        return self._file.load()


async def drain(settings: Settings, clock: Clock, patience: float) -> int:
    """Records that still wait when the patience ends; 0 when all of it is published. Raises SpoolTaken."""
    spool = recording.spool_of(settings)
    bus = await connect(settings.nats_url.get_secret_value(), name=_NOUN, ca_file=settings.nats_ca_file)
    link = RedisClient.open(settings.redis_url.get_secret_value(), clock, store="redis", timeout=settings.redis_timeout)
    tailer = _tailer(spool, bus, Replays(RedisReplays(link), clock), settings)
    ends = clock.monotonic() + patience
    try:
        while _waits(spool):
            try:
                await recording.prepare(bus)
                await tailer.flush()
            except Error as error:
                _log.warning("the spool is not published yet", reason=error.message)
            if _waits(spool):
                if clock.monotonic() >= ends:
                    return sum(1 for _ in spool.unpublished())
                await asyncio.sleep(_AGAIN)
        return 0
    finally:
        await link.close()
        await bus.close()
        spool.close()


def _waits(spool: Spool) -> bool:
    """Without a look at all of it: it may be a gigabyte, and is asked each second while the bus is away."""
    return next(spool.unpublished(), None) is not None


def _tailer(spool: Spool, bus: Bus, replays: Replays, settings: Settings) -> Tailer:
    metrics, clock = Metrics(_NOUN), SystemClock()
    file = JsonPolicyFile(settings.spool_dir / "logged.json")
    return Tailer(
        spool,
        bus.send,
        replays,
        builder=Builder(spool.layouts, clock, metrics),
        models=LoggedModels(Kept(file), file),
        metrics=metrics,
        clock=clock,
        max_age=recording.max_age_of(settings),
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fp_inference.draining")
    parser.add_argument("--patience", type=float, default=300.0, metavar="SECONDS", help="for a bus that is away")
    patience = parser.parse_args(arguments).patience
    try:
        left = asyncio.run(drain(load(Settings), SystemClock(), patience))
    except InvalidSettings as invalid:
        sys.stderr.write(f"inference: {invalid}\n")
        return 1
    except SpoolTaken:
        sys.stderr.write("inference: a process has the spool, and publishes it\n")
        return 1
    sys.stdout.write(f"{left} records still wait\n" if left else "the spool is published\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
