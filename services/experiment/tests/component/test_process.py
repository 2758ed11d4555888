"""`python -m fp_experiment` as a process of its own."""

import asyncio
import os
import signal
import sys

import httpx
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from pydantic import SecretStr


async def run(*arguments, **environment):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fp_experiment",
        *arguments,
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
    assert "FP_NATS_URL is missing" in line


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


async def ready(http, port):
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).json()["status"] == "ready"
    except httpx.HTTPError:
        return False


def environment(settings):
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items() if v is not None}
    return {f"FP_{name.upper()}": str(value) for name, value in plain.items() if not name.endswith("_port")}
