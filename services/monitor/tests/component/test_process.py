"""`python -m fp_monitor` alone: started, killed in the middle of its traffic, and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_kernel import Unavailable
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from pydantic import SecretStr


def environment(settings, **changes) -> dict[str, str]:
    """The settings as the variables of a process."""
    values = settings.model_dump() | changes
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()
    }
    named = {f"FP_{name}".upper(): str(value) for name, value in plain.items() if value is not None}
    return {"PATH": os.environ["PATH"], **named}


@asynccontextmanager
async def started(variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fp_monitor", env=variables, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def serving(client) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await client.stub.ListMonitors(pb.ListMonitorsRequest())
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_process_that_is_killed_among_its_traffic_counts_every_prediction_once(
    bus, settings, client, publish, eventually, story
):
    port = free_port()
    variables = environment(settings, grpc_port=port, http_port=free_port())
    engineer = client(f"127.0.0.1:{port}")
    async with started(variables) as process:
        await serving(engineer)
        await engineer.configure(window_size=150)
        await publish(story.promoted())
        await eventually(engineer.status, lambda found: found.monitor.baseline_version)
        await publish(*story.completed(1_000))
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with started(variables) as process:
        await serving(engineer)
        await publish(*story.completed(200))
        # What the killed process held comes again when its time to acknowledge is over.
        reports = await eventually(
            lambda: engineer.reports(pagination={"page_size": 100}), lambda found: len(found) >= 16
        )
        assert [report.sample_count for report in reports] == [150] * 16
        assert (await engineer.status()).current_window_samples == 0
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, "SIGTERM ends it in order"


async def test_a_missing_setting_is_named_in_one_line(settings):
    variables = environment(settings)
    del variables["FP_AUTH_ADDR"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fp_monitor", env=variables, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode() == "monitor: FP_AUTH_ADDR is missing\n"
