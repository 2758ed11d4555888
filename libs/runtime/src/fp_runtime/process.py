"""The process of a service."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import fp_telemetry
import uvloop
from fp_kernel import Clock
from fp_telemetry import Telemetry, get_logger

from fp_runtime.failures import StartFailed, TaskFailed
from fp_runtime.masking import without_secrets
from fp_runtime.runtime import CLOSE_TIMEOUT, Runtime
from fp_runtime.settings import InvalidSettings, ServiceSettings, load
from fp_runtime.tls import certificates_of, tell_end
from fp_runtime.trimming import EVERY, trimming

Settings = TypeVar("Settings", bound=ServiceSettings)
Serve = Callable[[Runtime, Settings], Awaitable[None]]

# That are made and not dropped between two looks of the collector; Python's own is 700.
_CONTAINERS = 5_000

EXIT_FAILED = 1
EXIT_SETTINGS = 2

_log = get_logger(__name__)


def main(noun: str, settings_class: type[Settings], serve: Serve[Settings]) -> None:
    """Run the service until a signal stops it.

    Exits 2 when a setting is missing or invalid, 1 when the start or a task fails, each with one line that says why.
    """
    try:
        settings = load(settings_class)
    except InvalidSettings as error:
        sys.stderr.write(f"{noun}: {error}\n")
        sys.exit(EXIT_SETTINGS)
    telemetry = fp_telemetry.setup(
        noun, level=settings.log_level, otlp_endpoint=settings.otel_endpoint, environment=settings.env
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            failed = runner.run(_life(noun, settings, serve, telemetry))
    finally:
        telemetry.shutdown()
    if failed:
        sys.exit(EXIT_FAILED)


async def run(
    noun: str,
    settings: Settings,
    serve: Serve[Settings],
    *,
    clock: Clock | None = None,
    telemetry: Telemetry | None = None,
    ready: Callable[[Runtime], None] | None = None,
) -> None:
    """One life of a service in the running loop: for `main` and for tests.

    clock: what `serve` finds as `runtime.clock`; the system's without one.
    ready: called with the runtime, whose ports are known and whose `stop` works, when the service is SERVING.
    Raises StartFailed, TaskFailed or whatever `serve` raised, after everything was closed.
    """
    certificates = certificates_of(settings)
    async with asyncio.TaskGroup() as group:
        runtime = Runtime(
            noun, settings, group=group, clock=clock, telemetry=telemetry, ready=ready, certificates=certificates
        )
        tell_end(certificates, runtime.metrics)
        await runtime.live(_coroutine(serve(runtime, settings)))
    if runtime.failure is not None:
        raise runtime.failure


async def _life(noun: str, settings: Settings, serve: Serve[Settings], telemetry: Telemetry) -> bool:
    """Whether it failed; why is in the log."""

    async def with_signals(runtime: Runtime, settings: Settings) -> None:
        _obey_signals(runtime)
        memory = trimming()
        if memory is not None:
            runtime.every(EVERY, "memory", memory.look)
        await serve(runtime, settings)

    try:
        await run(noun, settings, with_signals, telemetry=telemetry, ready=_leave_to_the_end)
    except StartFailed as error:
        _log.error("start failed", reason=without_secrets(str(error), settings))
    except TaskFailed:
        pass  # logged when it happened, with its cause
    except Exception:  # noqa: BLE001 -- the last place that can log it
        _log.exception("service failed")
    else:
        _log.info("stopped")
        return False
    return True


def _leave_to_the_end(_: Runtime) -> None:
    """What the start made lives as long as the process: the collector looks at what calls make, and seldom."""
    gc.freeze()
    gc.set_threshold(_CONTAINERS)


def _obey_signals(runtime: Runtime) -> None:
    """The first SIGTERM or SIGINT stops in order; the second waits for nothing."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if runtime.stopping:
            os._exit(128 + number)
        _give_up_after(runtime.settings)
        runtime.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)


def _give_up_after(settings: ServiceSettings) -> None:
    """End the process when the stop takes longer than all its bounds, for example because the loop is blocked."""
    seconds = settings.drain_delay + 2 * settings.drain_timeout + 4 * CLOSE_TIMEOUT
    timer = threading.Timer(seconds, _give_up)
    timer.daemon = True
    timer.start()


def _give_up() -> None:
    _log.error("the stop took longer than all its bounds")
    os._exit(EXIT_FAILED)


async def _coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable
