"""`python -m fp_auth`, alone."""

import asyncio
import json
import os
import signal
import sys
import urllib.request

import pytest
from fp_auth.main import NOUN
from fp_testkit.patience import PATIENCE

PASSWORD = "a-river-and-9-lanterns"


@pytest.fixture
def environment(settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "FP_GRPC_PORT": "0",
        "FP_HTTP_PORT": "0",
        "FP_BIND_HOST": "127.0.0.1",
        "FP_DATABASE_URL": settings.database_url.get_secret_value(),
        "FP_NATS_URL": settings.nats_url.get_secret_value(),
        "FP_AUTH_ISSUER": settings.auth_issuer,
        "FP_AUTH_KEY_ENCRYPTION_KEY": settings.auth_key_encryption_key.get_secret_value(),
        "FP_AUTH_AUDIT_KEY": settings.auth_audit_key.get_secret_value(),
        "FP_S3_ENDPOINT": str(settings.s3_endpoint),
        "FP_S3_PUBLIC_ENDPOINT": str(settings.s3_public_endpoint),
        "FP_S3_BUCKET": settings.s3_bucket,
        "FP_S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
        "FP_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "FP_AUTH_BOOTSTRAP_PASSWORD": PASSWORD,
        "FP_ENV": "prod",
    }


async def begin(environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fp_auth", env=environment, stderr=asyncio.subprocess.PIPE
    )


async def serving(process: asyncio.subprocess.Process) -> dict[str, object]:
    """The line that says so, with its ports."""
    async for line in process.stderr:
        facts = json.loads(line)
        if facts.get("message") == "serving":
            return facts
    raise AssertionError(await process.wait())


async def test_it_starts_serves_and_ends_by_itself(environment):
    process = await begin(environment)
    async with asyncio.timeout(PATIENCE):
        facts = await serving(process)
        assert facts["service"] == NOUN
        ready = await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{facts['http_port']}/readyz")
        ready.close()
        assert ready.status == 200
        process.send_signal(signal.SIGTERM)
        rest = (await process.stderr.read()).decode()
        assert await process.wait() == 0
    assert PASSWORD not in rest


@pytest.mark.parametrize(
    "name", ["FP_AUTH_KEY_ENCRYPTION_KEY", "FP_AUTH_AUDIT_KEY", "FP_AUTH_ISSUER", "FP_DATABASE_URL", "FP_NATS_URL"]
)
async def test_a_missing_setting_is_one_line_that_names_it(environment, name):
    del environment[name]
    process = await begin(environment)
    async with asyncio.timeout(PATIENCE):
        said = (await process.stderr.read()).decode()
        assert await process.wait() == 2
    assert said == f"auth: {name} is missing\n"
