"""A secret from `fp secrets set` to the job and the webhook that use it, and all that the platform wrote meanwhile."""

import asyncio
import base64
import json
import secrets

import pytest
from command_line import within
from forgepoint.notification.v1 import notification_pb2 as notifications
from forgepoint.notification.v1.notification_pb2_grpc import NotificationServiceStub
from fp_kernel import new_id
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE
from written import everything

WEBHOOK = notifications.NOTIFICATION_CHANNEL_WEBHOOK


@pytest.fixture
def run(tmp_path, platform):
    """`await run("secrets", "list")`: how the command ended for an admin who has logged in."""
    password = {"FP_PASSWORD": platform.access.password}
    who = ("--email", platform.access.email, "--address", platform.access.address)
    assert within("login", *who, home=tmp_path, env=password).returncode == 0

    async def call(*arguments):
        options = {"home": tmp_path, "env": {"FP_DATA": str(platform.folder)}}
        # The command has a loop of its own.
        done = await asyncio.to_thread(within, "-o", "json", *arguments, **options)
        shown.append(done.stdout + done.stderr)
        return done

    shown = call.shown = []
    return call


@pytest.fixture
async def receiver():
    """Somebody's webhook; `await receiver.path` is that of its first call."""
    heard = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if not heard.done():
            heard.set_result(head.split()[1])
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()


async def test_a_secret_reaches_its_job_and_its_webhook_and_nothing_that_is_written(
    platform, run, admin, admin_token, receiver, tmp_path
):
    port, called = receiver
    password, path = (f"marked-{secrets.token_hex(16)}" for _ in range(2))
    key, hook = f"key-{new_id()[-8:]}", f"hook-{new_id()[-8:]}"
    for name, value in ((key, password), (hook, f"http://127.0.0.1:{port}/{path}")):
        file = tmp_path / name
        file.write_text(value)
        assert (await run("secrets", "set", name, "--file", str(file))).returncode == 0

    step = {
        "id": "train",
        "type": "STEP_TYPE_TRAIN",
        "config": {"module": "fp_flights.train_job", "key": f"secret://{key}"},
    }
    pipeline = {"name": f"secrets {key}", "type": "PIPELINE_TYPE_TRAINING_DAG", "steps": [step]}
    execution = await admin.run(pipeline, {})
    assert "the job failed" in execution.error, "it ran with its secret, and misses a training set"

    await call_webhook(platform, admin_token, f"secret://{hook}")
    async with asyncio.timeout(PATIENCE):
        assert await called == f"/{path}"

    assert json.loads((await run("secrets", "versions", key)).stdout)[0]["version"] == 1
    assert (await run("secrets", "disable", key, "--version", "1")).returncode == 0
    assert (await run("secrets", "delete", key)).returncode == 0
    assert (await run("secrets", "delete", hook)).returncode == 0
    gone = await admin.run(pipeline, {})
    assert f"secret://{key}" in gone.error
    assert "no such secret" in gone.error

    await written_nowhere(platform, "".join(run.shown) + str(execution) + str(gone), password, path)


async def call_webhook(platform, token, target):
    """By a rule of its own, with a test message."""
    channels = Channels(BearerToken(token))
    stub = NotificationServiceStub(channels.open(platform.access.address, timeout=PATIENCE))
    wanted = notifications.CreateRuleRequest(
        name=target.removeprefix("secret://"), patterns=["fp.models.>"], channels=[WEBHOOK], target=target
    )
    rule = (await stub.CreateRule(wanted)).rule
    tested = await stub.TestChannel(notifications.TestChannelRequest(channel=WEBHOOK, rule_id=rule.id))
    assert tested.status == notifications.DELIVERY_STATUS_DELIVERED
    await stub.DeleteRule(notifications.DeleteRuleRequest(id=rule.id))
    await channels.close()


async def written_nowhere(platform, shown, *values):
    """Neither in what was answered nor in what any store or log holds."""
    found = [content async for _, content in everything(platform)]
    written = b"\n".join([shown.encode(), *found, files(platform.folder)])
    assert b"SecretService/ResolveSecrets" in written, "the audit was looked at"
    for marked in values:
        for form in (marked, marked.encode().hex(), base64.b64encode(marked.encode()).decode()[:-4]):
            assert form.encode() not in written


def files(folder) -> bytes:
    """Everything on disk: logs of services and jobs, and what the stores keep there, as far as it is not compressed."""
    found = []
    for file in folder.rglob("*"):
        try:
            if file.is_file():
                found.append(file.read_bytes())
        except FileNotFoundError:
            continue
    return b"\n".join(found)
