"""What each store of a running stack answers, and to whom."""

import asyncio
import http.client
import json
import socket
import ssl
import stat

import asyncpg
import nats
import psutil
import pytest
import redis
from fp_devstack import Stack
from fp_devstack.store_access import NatsAccess, RedisAccess, StoreAccess
from fp_devstack.stores import signing
from fp_supervisor.loopback import HOST
from fp_testkit.certificates import Certificates
from fp_testkit.patience import PATIENCE, Bound

ACCESSES = {
    noun: StoreAccess(
        NatsAccess((f"fp.{noun}.>",), (f"fp.{noun}.not.*",), (f"_INBOX_{noun}.>",)),
        RedisAccess((f"fp:{noun}:*",), (f"fp:{noun}:*",), ("get", "set", "publish", "subscribe")),
        (f"{noun}/", f"shared-{noun}/"),
    )
    for noun in ("registry", "inference")
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("stack"), accesses=ACCESSES, durable=False) as running:
        yield running


async def test_each_service_has_a_database_and_a_role_of_its_own(stack):
    url, other = stack.create_database("auth"), stack.create_database("registry")
    connection = await asyncpg.connect(url)
    await connection.execute("create table if not exists t (x int)")
    assert await connection.fetchval("select current_user || '@' || current_database()") == "fp_auth@fp_auth"
    assert str(await connection.fetchval("show server_version")).startswith("18.")
    await connection.close()

    intruder = other.removesuffix("fp_registry") + "fp_auth"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(intruder)


async def test_a_role_of_a_service_may_do_nothing_outside_its_database(stack):
    url = stack.create_database("pipeline")
    connection = await asyncpg.connect(url)
    try:
        rights = await connection.fetchrow("select * from pg_roles where rolname = current_user")
        refused = ("create role other", "create database other", "set temp_file_limit = -1", "copy pg_am to '/tmp/x'")
        for statement in refused:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        assert not any(rights[name] for name in ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication"))
        assert 0 < rights["rolconnlimit"] < 300
        assert await connection.fetchval("show temp_file_limit") == "4GB"
    finally:
        await connection.close()


@pytest.mark.parametrize("database", ["postgres", "template1"])
async def test_no_role_of_a_service_connects_to_a_database_of_the_server(stack, database):
    url = stack.create_database("monitor")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(f"{url.removesuffix('fp_monitor')}{database}")


def test_creating_a_database_again_answers_the_same_url(stack):
    assert stack.create_database("billing") == stack.create_database("billing")


@pytest.mark.parametrize("noun", ["", "A", 'a"; drop', "1a"])
def test_a_noun_that_is_none_is_refused(stack, noun):
    with pytest.raises(ValueError, match="noun"):
        stack.create_database(noun)


async def test_jetstream_keeps_a_message(stack):
    connection = await nats.connect(stack.endpoints.nats_url, connect_timeout=int(PATIENCE))
    context = connection.jetstream(timeout=PATIENCE)
    await context.add_stream(name="S", subjects=["s.>"])
    answer = await context.publish("s.a", b"x")
    await context.delete_stream("S")
    await connection.close()

    assert answer.seq == 1


def test_valkey_demands_its_password(stack):
    host, _, port = stack.endpoints.redis_url.rpartition("@")[2].partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(b"PING\r\n")
        assert b"NOAUTH" in connection.recv(100)


def test_a_service_has_its_keys_and_channels_in_valkey_and_no_others(stack):
    with redis.Redis.from_url(stack.endpoints_of("registry").redis_url) as own:
        assert own.set("fp:registry:a", "x")
        assert own.publish("fp:registry:news", "x") == 0
        for refused in (
            ("GET", "fp:inference:a"),
            ("SET", "fp:inference:a", "x"),
            ("PUBLISH", "fp:inference:news", "x"),
            ("DEL", "fp:registry:a"),
            ("KEYS", "*"),
            ("CONFIG", "GET", "*"),
            ("FLUSHALL",),
            ("ACL", "LIST"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                own.execute_command(*refused)
    url = stack.endpoints_of("billing").redis_url
    with redis.Redis.from_url(url) as nobody, pytest.raises(redis.exceptions.AuthenticationError):
        nobody.ping()


def test_the_bucket_is_there_and_demands_the_secret(stack):
    ends = stack.endpoints
    port = int(ends.s3_endpoint.rpartition(":")[2])

    def ask(method, name, secret, body=b""):
        return signing.request(port, method, f"/{ends.s3_bucket}/{name}", (ends.s3_access_key, secret), body)

    assert ask("PUT", "a", ends.s3_secret_key, b"x") == 200
    assert ask("GET", "a", ends.s3_secret_key) == 200
    assert ask("GET", "a", "wrong") == 403
    assert ask("PUT", "b", "wrong", b"x") == 403


def test_a_service_has_its_objects_and_no_others(stack):
    port = int(stack.endpoints.s3_endpoint.rpartition(":")[2])

    def ask(noun, method, name, body=b""):
        own = stack.endpoints_of(noun)
        return signing.request(port, method, f"/{own.s3_bucket}{name}", (own.s3_access_key, own.s3_secret_key), body)

    assert ask("inference", "PUT", "/inference/a", b"x") == 200
    for name in ("/registry/a", "/shared-registry/a"):
        assert ask("registry", "PUT", name, b"x") == ask("registry", "GET", name) == 200
    for method in ("PUT", "GET", "HEAD", "DELETE"):
        for name in ("/inference/a", "/a", "/registry", "/registryother/a", "/shared-inference/a"):
            assert ask("registry", method, name, b"x" if method == "PUT" else b"") == 403, (method, name)
        assert ask("billing", method, "/registry/a") == 403
    assert ask("registry", "GET", "") == ask("registry", "DELETE", "") == 403


async def test_new_rights_at_nats_keep_the_connections_of_the_others(tmp_path):
    rights = {"auth": StoreAccess(NatsAccess(("a",), (), ("_INBOX.>",))), "billing": StoreAccess(NatsAccess(("b",)))}
    with Stack(tmp_path / "data", stores=["nats"], accesses=rights, durable=False) as stack:
        gone = asyncio.Event()

        async def lost():
            gone.set()

        kept = await nats.connect(stack.endpoints_of("auth").nats_url, connect_timeout=int(PATIENCE))
        old = await nats.connect(
            stack.endpoints_of("billing").nats_url, allow_reconnect=False, closed_cb=lost, connect_timeout=int(PATIENCE)
        )
        before = kept.client_id
        written = json.loads((stack.folder / "secrets.json").read_text())
        (stack.folder / "secrets.json").write_text(json.dumps(written | {"nats.billing": "another"}))
        stack.reload(["nats"])
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
        await (await nats.connect(stack.endpoints_of("billing").nats_url, connect_timeout=int(PATIENCE))).close()
        await kept.flush(timeout=int(PATIENCE))

        assert (kept.client_id, kept.stats["reconnects"], old.is_connected) == (before, 0, False)
        await kept.close()


def test_no_port_of_the_object_store_takes_or_gives_objects_without_credentials(stack):
    ends = stack.endpoints
    port = int(ends.s3_endpoint.rpartition(":")[2])
    signing.request(port, "PUT", f"/{ends.s3_bucket}/locked", (ends.s3_access_key, ends.s3_secret_key), b"x" * 100)
    answers = {}
    for other in (stack.ports.recorded(f"seaweedfs.{name}") for name in ("s3", "filer", "volume", "master", "admin")):
        for method in ("GET", "PUT", "DELETE"):
            answers[other, method] = plain(other, method, f"/buckets/{ends.s3_bucket}/locked", b"y")
        answers[other, "LIST"] = plain(other, "GET", f"/{ends.s3_bucket}/locked", b"")
    credentials = (ends.s3_access_key, ends.s3_secret_key)

    assert {each for each in answers.values() if each is not None and each < 400} == set(), answers
    assert signing.request(port, "GET", f"/{ends.s3_bucket}/locked", credentials) == 200


def plain(port, method, path, body):
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request(method, path, body=body or None)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def test_everything_listens_on_the_loopback_only(stack, family):
    pids = [pid for store in stack.pids.values() for pid in family(store)]
    heard = {
        each.laddr.ip
        for pid in pids
        for each in psutil.Process(pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    }

    assert heard == {HOST}


def test_secrets_are_neither_in_arguments_nor_readable_by_others(stack):
    secrets = [each for each in (stack.folder / "secrets.json").read_text().split('"') if len(each) == 43]
    commands = [" ".join(psutil.Process(pid).cmdline()) for pid in stack.pids.values()]

    assert len(secrets) > 3
    assert not any(secret in command for secret in secrets for command in commands)
    for name in ("secrets.json", "ports.json", "nats/nats.conf", "valkey/users.acl", "seaweedfs/s3.json"):
        assert stat.S_IMODE((stack.folder / name).stat().st_mode) == 0o600
    for name in ("logs", "nats", "valkey", "seaweedfs"):
        assert stat.S_IMODE((stack.folder / name).stat().st_mode) == 0o700


def test_each_store_has_a_log_in_the_folder(stack):
    assert all((stack.folder / "logs" / f"{name}.log").stat().st_size for name in stack.pids)


def test_the_telemetry_of_the_object_store_is_off(stack):
    assert "-master.telemetry=false" in psutil.Process(stack.pids["seaweedfs"]).cmdline()


def test_the_shell_of_the_user_does_not_change_a_store(stack):
    environment = psutil.Process(stack.pids["seaweedfs"]).environ()

    assert {name for name in environment if name.startswith("WEED_")} == {
        "WEED_JWT_SIGNING_KEY",
        "WEED_JWT_SIGNING_READ_KEY",
        "WEED_JWT_FILER_SIGNING_KEY",
        "WEED_JWT_FILER_SIGNING_READ_KEY",
        "WEED_MASTER_VOLUME_GROWTH_COPY_1",
    }
    assert set(environment) - {"PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR", "GOMEMLIMIT", "GOGC"} == {
        name for name in environment if name.startswith("WEED_")
    }


async def test_stores_whose_folder_has_certificates_speak_tls_alone(tmp_path):
    certificates = Certificates(tmp_path / "data" / "tls")
    certificates.of("nats")
    certificates.of("seaweedfs")
    context = ssl.create_default_context(cafile=certificates.authority)
    with Stack(tmp_path / "data", stores=["nats", "seaweedfs"], durable=False) as stack:
        ends = stack.endpoints
        connection = await nats.connect(ends.nats_url, tls=context, connect_timeout=int(PATIENCE))
        await connection.flush(timeout=int(PATIENCE))
        await connection.close()
        port = int(ends.s3_endpoint.rpartition(":")[2])
        verified = http.client.HTTPSConnection(HOST, port, context=context, timeout=PATIENCE)
        verified.request("GET", "/")
        status = verified.getresponse().status
        verified.close()

        assert ends.s3_endpoint.startswith("https://")
        assert status == 403
        assert plain(port, "GET", "/", b"") in {None, 400}


async def test_the_bus_shows_its_renewed_certificate_and_keeps_its_connections(tmp_path):
    certificates = Certificates(tmp_path / "data" / "tls")
    certificates.of("nats")
    context = ssl.create_default_context(cafile=certificates.authority)
    with Stack(tmp_path / "data", stores=["nats"], durable=False) as stack:
        before = shown_certificate(stack.endpoints.nats_url)
        connection = await nats.connect(stack.endpoints.nats_url, tls=context, connect_timeout=int(PATIENCE))
        fresh = ssl.PEM_cert_to_DER_cert(certificates.of("nats").certificate.read_text())
        stack.reload(["nats"])

        bound = Bound()
        while (shown := shown_certificate(stack.endpoints.nats_url)) == before and not bound.over:
            await asyncio.sleep(0.05)
        assert shown == fresh
        await connection.flush(timeout=int(PATIENCE))
        assert connection.stats["reconnects"] == 0
        await connection.close()


def shown_certificate(url):
    """What the server shows behind its greeting."""
    asking = ssl.create_default_context()
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((HOST, int(url.rpartition(":")[2])), timeout=PATIENCE) as plain:
        while not plain.recv(4_096).endswith(b"\r\n"):
            """The rest of the greeting."""
        with asking.wrap_socket(plain) as secured:
            return secured.getpeercert(binary_form=True)
