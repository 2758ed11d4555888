"""Real servers of NATS, Valkey and S3, and what may be wrong with them."""

import asyncio
import json
import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from fp_devstack import programs
from fp_preflight import Program, faults, objects
from fp_s3 import Location
from fp_testkit.patience import Bound
from fp_testkit.ports import free_port
from fp_testkit.wallclock import RunningClock, real_now


class TheMachines(RunningClock):
    def now(self):
        return real_now()


def program(noun="inference", **environment):
    stores = {"FP_NATS_URL": "nats", "FP_REDIS_URL": "valkey", "FP_S3_ACCESS_KEY": "s3"}
    return Program(
        noun=noun,
        secret=f"forgepoint-{noun}",
        secrets=(),
        stores=tuple(store for name, store in stores.items() if name in environment),
        objects=("audit/",),
        environment=environment,
    )


async def asked(*programs):
    return await faults(programs, TheMachines())


@contextmanager
def running(port, *command, folder):
    child = subprocess.Popen([*map(str, command)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        child.kill()
        child.wait()


async def until_it_answers(port):
    bound = Bound()
    while not bound.over:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)  # it starts
        else:
            writer.close()
            return
    raise AssertionError("the server does not listen")


@pytest.mark.parametrize("noun", ["inference", "operator"])
async def test_a_bus_with_streams_is_without_fault(nats_url, noun):
    assert await asked(program(noun, FP_NATS_URL=nats_url)) == []


async def test_a_bus_without_streams_is_named(tmp_path):
    port = free_port()
    (tmp_path / "nats.conf").write_text(f"listen: 127.0.0.1:{port}\n")
    with running(port, programs.nats_server(), "--config", "nats.conf", folder=tmp_path):
        await until_it_answers(port)
        found = await asked(program("operator", FP_NATS_URL=f"nats://127.0.0.1:{port}"))

    place = f"operator: nats at 127.0.0.1:{port}"
    assert found == [
        f"{place}: JetStream is off: start the server with it (jetstream {{}} in its configuration)",
        f"{place}: its max_payload is 1048576 bytes, and events have up to 8388608",
    ]


async def test_a_login_that_the_bus_does_not_know_is_named(nats_url):
    address = urlsplit(nats_url).netloc.rpartition("@")[2]

    [line] = await asked(program(FP_NATS_URL=f"nats://somebody:no-such-password@{address}"))

    assert "Authorization Violation" in line
    assert "no-such-password" not in line


async def test_a_store_of_one_node_is_without_fault(redis_url):
    assert await asked(program(FP_REDIS_URL=redis_url)) == []


async def test_a_store_in_cluster_mode_is_refused_by_name(tmp_path):
    port = free_port()
    options = (
        "--port",
        port,
        "--bind",
        "127.0.0.1",
        "--cluster-enabled",
        "yes",
        "--save",
        "",
        "--cluster-port",
        free_port(),
    )
    with running(port, programs.valkey_server(), *options, folder=tmp_path):
        await until_it_answers(port)
        [line] = await asked(program(FP_REDIS_URL=f"redis://127.0.0.1:{port}/0"))

    assert "it runs in cluster mode: scripts and channels need one node without cluster mode" in line


async def test_a_password_of_valkey_that_is_wrong_is_named_and_not_told(redis_url):
    address = urlsplit(redis_url).netloc.rpartition("@")[2]

    [line] = await asked(program(FP_REDIS_URL=f"redis://somebody:no-such-password@{address}/0"))

    assert "invalid username-password pair" in line
    assert "no-such-password" not in line


def of_bucket(s3, **other):
    given = {
        "FP_S3_ENDPOINT": s3.endpoint,
        "FP_S3_PUBLIC_ENDPOINT": s3.endpoint,
        "FP_S3_BUCKET": s3.name,
        "FP_S3_ACCESS_KEY": s3.access_key,
        "FP_S3_SECRET_KEY": s3.secret_key,
    }
    return program("auth", **{**given, **other})


async def test_a_bucket_that_can_be_written_is_without_fault_and_as_it_was(s3):
    assert await asked(of_bucket(s3)) == []
    assert not list(s3.client().list_objects(s3.name, recursive=True))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"FP_S3_BUCKET": "no-such-bucket"}, "the bucket does not exist"),
        ({"FP_S3_SECRET_KEY": "another-secret"}, "SignatureDoesNotMatch"),
        ({"FP_S3_ENDPOINT": "s3:8333"}, "FP_S3_ENDPOINT is invalid"),
    ],
)
async def test_a_bucket_that_cannot_be_used_is_named(s3, other, said):
    [line] = await asked(of_bucket(s3, **other))

    assert said in line


async def test_an_object_store_tells_its_time(s3):
    before = real_now()

    told = await objects.now(s3.endpoint, None)

    assert abs((told - before).total_seconds()) < 60


async def test_every_fault_is_named_in_one_run(s3, redis_url, nats_url):
    address = urlsplit(nats_url).netloc.rpartition("@")[2]
    given = {"FP_NATS_URL": f"nats://somebody:x@{address}", "FP_REDIS_URL": redis_url, "FP_DATABASE_URL": "mysql://x"}
    inference = Program(
        noun="inference",
        secret="forgepoint-inference",
        secrets=("FP_SERVICE_SECRET", *given),
        stores=("nats", "postgres", "valkey"),
        environment=given,
    )

    found = await asked(inference, of_bucket(s3, FP_S3_BUCKET="no-such-bucket"))

    assert sorted(line.partition(":")[0] for line in found) == ["auth", "inference", "inference", "inference"]
    for part in ("FP_DATABASE_URL is invalid", "does not exist", "Authorization Violation", "lacks FP_SERVICE_SECRET"):
        assert part in json.dumps(found)


def test_a_location_of_the_store_shows_no_secret():
    assert "hidden" not in repr(Location("http://s3", "forgepoint", "key", "hidden"))
