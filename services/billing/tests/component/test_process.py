"""`python -m fp_billing` as a process of its own."""

import asyncio
import os
import signal
import sys

import httpx
from fp_events import durable
from fp_events.streams import INFERENCE
from fp_postgres import Database
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from pydantic import SecretStr

BILLING = durable("billing")

EVENTS, KILLS = 4_000, 1


async def run(**environment):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fp_billing",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment},
    )


async def test_a_start_without_settings_ends_with_one_line_that_names_them():
    process = await run()
    _, errors = await process.communicate()
    (line,) = errors.decode().splitlines()
    assert process.returncode == 2
    assert "FP_DATABASE_URL is missing" in line
    assert "FP_AUTH_ADDR is missing" in line


async def test_it_starts_alone_and_ends_in_order(settings):
    port = free_port()
    process = await run(**environment(settings), FP_GRPC_PORT="0", FP_HTTP_PORT=str(port))
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
            while not await ready(http, port):
                await asyncio.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    for secret in (settings.service_secret, settings.database_url):
        assert secret.get_secret_value() not in errors.decode()


async def test_a_process_that_is_killed_while_it_meters_has_metered_everything_once_in_the_end(
    settings, bus, prediction, published
):
    database = await Database.connect(settings.database_url.get_secret_value(), source="test")
    events = [prediction() for _ in range(EVENTS)]
    await bus.ensure((INFERENCE,), (BILLING,))
    await bus.publish(events[: EVENTS // 2])
    for number in range(KILLS):
        process = await run(**environment(settings), FP_GRPC_PORT="0", FP_HTTP_PORT="0")
        await metered(database, EVENTS // 4 + number)
        process.kill()
        await process.communicate()
    await bus.publish(events[EVENTS // 2 :])
    process = await run(**environment(settings), FP_GRPC_PORT="0", FP_HTTP_PORT="0")
    try:
        await metered(database, EVENTS)
        records = await published("fp.billing.usage.recorded", facts=EVENTS)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    keys = {event.payload.request_id for event in events}
    assert {row["source_id"] for row in await database.fetch("SELECT source_id FROM usage_facts")} == keys
    assert await database.fetchval("SELECT sum(quantity) FROM usage_days") == EVENTS
    assert sum(event.payload.facts for event in records) == EVENTS
    await database.close()


async def metered(database, number):
    """Returns once so many facts are metered."""
    async with asyncio.timeout(PATIENCE):
        while await database.fetchval("SELECT count(*) FROM usage_facts") < number:
            await asyncio.sleep(0.01)


async def ready(http, port):
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).json()["status"] == "ready"
    except httpx.HTTPError:
        return False


def environment(settings):
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items() if v is not None}
    return {f"FP_{name.upper()}": str(value) for name, value in plain.items() if not name.endswith("_port")}
