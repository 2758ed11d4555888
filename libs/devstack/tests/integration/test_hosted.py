"""A store as the program of a pod: the logins that were made for the platform's services open it, and no others."""

import asyncio
import http.client
import json
import threading
from dataclasses import replace

import asyncpg
import nats
import pytest
import redis
from fp_devstack import StoreFailed
from fp_devstack.hosted import logins
from fp_devstack.hosted.places import PLACES
from fp_devstack.hosted.pod import Pod
from fp_devstack.ports import Ports
from fp_devstack.stores import signing
from fp_supervisor.loopback import HOST
from fp_testkit.patience import PATIENCE


@pytest.fixture
def hosted(tmp_path, until):
    """`await hosted("nats")`: a running pod's place, its port and how to ask whether it is ready."""
    ended = threading.Event()
    threads = []

    async def start(service):
        ports = Ports(tmp_path / "free.json")
        place = replace(PLACES[service], ports={name: ports.take(name) for name in PLACES[service].ports})
        secrets = tmp_path / "given" / "secrets.json"
        secrets.parent.mkdir()
        secrets.write_text(json.dumps(logins.of_stores(tmp_path / "kept")[service]))
        secrets.chmod(0o400)
        health = ports.take("health")
        thread = threading.Thread(target=Pod(place, tmp_path / "data", secrets).run, args=(health, ended))
        thread.start()
        threads.append(thread)

        def status(path="/readyz"):
            connection = http.client.HTTPConnection(HOST, health, timeout=PATIENCE)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except ConnectionRefusedError:
                return None

        await until(lambda: asyncio.to_thread(lambda: status() == 200), "readiness")
        return place.port, status

    (tmp_path / "kept").mkdir()
    yield start
    ended.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def login(tmp_path):
    """`login("billing", "FP_NATS_URL", port)`: what the chart gives the service, for the pod here."""

    def of(noun, name, port):
        value = logins.of_programs(tmp_path / "kept")[noun][name]
        return value.rpartition("@")[0] + f"@{HOST}:{port}/{value.rpartition('/')[2] if 'NATS' not in name else ''}"

    return of


async def test_a_service_owns_its_database_and_enters_no_other(hosted, login):
    port, _ = await hosted("postgres")

    own = await asyncpg.connect(login("billing", "FP_DATABASE_URL", port))
    assert await own.fetchval("select current_user || '@' || current_database()") == "fp_billing@fp_billing"
    await own.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(
            login("billing", "FP_DATABASE_URL", port).replace(f"{port}/fp_billing", f"{port}/fp_auth")
        )


async def test_a_service_has_its_own_rights_at_the_bus(hosted, login):
    port, _ = await hosted("nats")
    refused = asyncio.Event()

    async def fail(error):
        if "permissions violation" in str(error).lower():
            refused.set()

    url = login("billing", "FP_NATS_URL", port)
    client = await nats.connect(url, error_cb=fail, inbox_prefix="_INBOX_billing")
    await client.subscribe("fp.auth.>")
    async with asyncio.timeout(PATIENCE):
        await refused.wait()
    await client.close()


async def test_a_service_reads_its_own_keys_alone(hosted, login):
    port, _ = await hosted("valkey")
    with redis.Redis.from_url(login("registry", "FP_REDIS_URL", port)) as own:
        assert own.get("fp:registry:key") is None
        with pytest.raises(redis.exceptions.NoPermissionError):
            own.get("fp:inference:key")


async def test_a_service_writes_below_its_own_prefixes_alone(hosted, tmp_path):
    port, _ = await hosted("s3")
    own = logins.of_programs(tmp_path / "kept")["monitor"]
    credentials = own["FP_S3_ACCESS_KEY"], own["FP_S3_SECRET_KEY"]

    assert signing.request(port, "PUT", "/forgepoint/predictions/one", credentials, b"one") == 200
    assert signing.request(port, "PUT", "/forgepoint/audit/one", credentials, b"one") == 403


async def test_a_pod_is_alive_before_it_is_ready_and_knows_no_other_path(hosted):
    _, status = await hosted("nats")

    assert status("/livez") == 200
    assert status("/") == 404


def test_a_password_that_a_store_was_not_given_is_not_made_up(tmp_path):
    secrets = tmp_path / "secrets.json"
    secrets.write_text("{}")
    secrets.chmod(0o400)
    ports = Ports(tmp_path / "free.json")
    place = replace(PLACES["nats"], ports={"client": ports.take("client")})
    tmp_path.joinpath("data").mkdir()

    with pytest.raises(StoreFailed, match="not among the secrets"):
        Pod(place, tmp_path / "data", secrets).run(ports.take("health"), threading.Event())
