"""`python -m fp_notification` alone, killed while it sends and started again."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

from forgepoint.notification.v1 import notification_pb2 as pb
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
async def started(variables):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fp_notification", env=variables, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def serving(stub) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await stub.GetPreferences(pb.GetPreferencesRequest())
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_process_that_is_killed_while_it_sends_sends_the_same_message_again(
    settings, caller, bus, drift, receiver, eventually
):
    port = free_port()
    variables = environment(
        settings, grpc_port=port, http_port=free_port(), notification_timeout=3.0, notification_lease=6.0
    )
    admin = caller(SimpleNamespace(grpc_address=f"127.0.0.1:{port}"))
    async with started(variables) as process:
        await serving(admin)
        wanted = pb.CreateRuleRequest(
            name="all", patterns=["fp.>"], channels=[pb.NOTIFICATION_CHANNEL_WEBHOOK], target=receiver.url
        )
        await admin.CreateRule(wanted)
        receiver.heard = lambda: os.kill(process.pid, signal.SIGKILL)
        await bus.publish([drift()])
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == -signal.SIGKILL
    receiver.heard = lambda: None
    async with started(variables) as process:
        await serving(admin)

        async def log():
            return (await admin.ListDeliveryAttempts(pb.ListDeliveryAttemptsRequest())).attempts

        (attempt,) = await eventually(log)
        assert (attempt.status, attempt.attempt) == (pb.DELIVERY_STATUS_DELIVERED, 1)
        assert len(receiver.requests) == 2
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, "SIGTERM ends it in order"


async def test_a_setting_that_is_missing_or_dangerous_is_named_in_one_line(settings):
    missing = environment(settings)
    del missing["FP_NOTIFICATION_SIGNING_KEY"]
    assert await said(missing) == "notification: FP_NOTIFICATION_SIGNING_KEY is missing\n"
    assert "FP_NOTIFICATION_WEBHOOK_LOOPBACK" in await said(environment(settings, env="prod"))
    inside = await said(environment(settings, notification_webhook_loopback="10.0.0.0/8"))
    assert "FP_NOTIFICATION_WEBHOOK_LOOPBACK" in inside


async def said(variables) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fp_notification", env=variables, stderr=asyncio.subprocess.PIPE
    )
    _, error = await process.communicate()
    assert process.returncode == 2
    assert error.count(b"\n") == 1
    return error.decode()
