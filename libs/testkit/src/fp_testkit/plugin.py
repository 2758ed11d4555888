"""The fixtures.

clock           ManualClock
stores          fp_devstack.Endpoints of the session's real stores, all of them started
database_url    str: a fresh, empty database
databases       Databases: `await databases.create(folder, service="registry")` -> URL of a migrated database
nats_url        str: a server with no stream and no consumer; the tests of a service have its rights there and no others
nats_look_url   str: the same server with every right, for what other services do
bus             fp_events.NatsBus with every declared stream
redis_url       str: a store without keys; the tests of a service have its rights there and no others
redis_look_url  str: the same store with every right, to look at what a service did
s3              Bucket(endpoint, name, access_key, secret_key): an empty bucket; the tests of a service have its rights
                there and no others, but for `.client()`, a minio client with every right
identity        TestIdentity: `.admin(team)`, `.engineer(team)`, `.viewer(team)`, `.service(noun)`, `.job(team)`
issuer          Issuer(url, address, identity): JWKS over HTTP, ExchangeServiceToken and ValidateToken over gRPC
rpc             `await rpc((add_to_server, servicer), ...)` -> RpcHarness(address, channel(token), plain())
services        `await services(noun, settings, serve)` -> RunningService(grpc_address, http_url, runtime)
sign_in_provider  SignInProvider(url, client_id, client_secret, redirect_uri): a real OpenID Connect provider
kill_at         `await kill_at(scenario, check, arrange=...)`: see fp_testkit.crash
spans           SpanCollector(endpoint): `await spans.wait_for(condition)`, `spans.trace(trace_id)`

Only what a test asks for is started. Stores live for the session. A test finds them empty, and no client that an
earlier test left behind reaches what it writes: names of databases, users of Redis and accounts of NATS are its own.
"""

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fp_testkit import ahead, clock_tests, examples, order
from fp_testkit.clock import ManualClock
from fp_testkit.identity import TestIdentity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fp_devstack import Endpoints
    from fp_events import NatsBus

    from fp_testkit.buckets import Bucket
    from fp_testkit.crash import KillAt
    from fp_testkit.crash_server import CrashServer
    from fp_testkit.databases import Databases
    from fp_testkit.issuer import Issuer
    from fp_testkit.keys import Users
    from fp_testkit.rpc import RpcFactory
    from fp_testkit.services import ServiceFactory
    from fp_testkit.sign_in_provider import SignInProvider
    from fp_testkit.stores import Stores
    from fp_testkit.traces import SpanCollector


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--workers", type=int, default=0, help="how many processes share the tests (0: this one has all)")


@pytest.hookimpl(tryfirst=True)  # before a conftest imports a library that starts threads
def pytest_load_initial_conftests() -> None:
    """As jobs of the platform have it: the threads of one worker wait for those of the others, spinning, and ONNX
    Runtime tells its maker nothing.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


@pytest.hookimpl(tryfirst=True)  # before hypothesis loads the profile that the options name
def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary folders inside the repository, so that a run leaves nothing elsewhere; set the date of the run."""
    examples.register_profiles()
    folder = Path(config.rootpath) / ".tmp"
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ and (Path(config.rootpath) / "libs" / "testkit").is_dir():
        # 0711: `nobody`, as whom postgres runs under root, must pass.
        folder.mkdir(mode=0o711, exist_ok=True)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
    clock_tests.travel()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> "Iterator[None]":
    """Collect without looking for garbage: all that is made here lives as long as the process."""
    gc.disable()
    compiling = ahead.start(session.config) if session.config.option.workers else None
    try:
        return (yield)
    finally:
        ahead.end(compiling)
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before the options that select by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    clock_tests.mark(items)
    items[:] = order.by_kind(items)


@pytest.hookimpl(tryfirst=True)  # before the loop of one process
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    count = session.config.option.workers
    if not count or not session.items or session.testsfailed or session.config.option.collectonly:
        return None
    from fp_testkit.workers import Workers

    Workers(session, count).run()
    return True


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def identity() -> TestIdentity:
    return TestIdentity()


@pytest.fixture(scope="session")
def real_stores(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Stores]":
    from fp_testkit.stores import open_stores

    opened = open_stores(tmp_path_factory.mktemp("stores"))
    yield opened
    opened.stop()


@pytest.fixture
def stores(real_stores: "Stores") -> "Endpoints":
    from fp_testkit.stores import all_endpoints

    return all_endpoints(real_stores)


@pytest.fixture(scope="session")
def database_server(real_stores: "Stores") -> "Iterator[Databases]":
    import asyncio

    from fp_testkit.databases import Databases

    opened = Databases(real_stores.endpoints("postgres").postgres_admin_url)
    yield opened
    asyncio.run(opened.close())


@pytest_asyncio.fixture
async def databases(database_server: "Databases", monkeypatch: pytest.MonkeyPatch) -> "AsyncIterator[Databases]":
    from fp_testkit.patience import PATIENCE

    # Many callers at once wait for the connections of one pool: on a busy machine longer than a caller should.
    monkeypatch.setattr("fp_postgres.database._WAIT", PATIENCE)
    yield database_server
    await database_server.drop()


@pytest_asyncio.fixture
async def database_url(databases: "Databases") -> str:
    return await databases.create()


@pytest_asyncio.fixture
async def nats_url(real_stores: "Stores", request: pytest.FixtureRequest) -> str:
    from fp_testkit.accesses import access_for, making_streams

    access = access_for(request.path)
    return await real_stores.next_bus(making_streams(access.nats) if access and access.nats else None)


@pytest.fixture
def nats_look_url(nats_url: str) -> str:
    from fp_testkit.streams import looker

    return looker(nats_url)


@pytest_asyncio.fixture
async def bus(nats_look_url: str) -> "AsyncIterator[NatsBus]":
    from fp_events import STREAMS, connect

    connected = await connect(nats_look_url, name="test")
    await connected.ensure(STREAMS, ())
    yield connected
    await connected.close()


@pytest.fixture(scope="session")
def redis_users(real_stores: "Stores") -> "Users":
    from fp_testkit.keys import Users

    return Users(real_stores.endpoints("valkey").redis_url)


@pytest.fixture
def redis_url(redis_users: "Users", request: pytest.FixtureRequest) -> str:
    from fp_testkit.accesses import access_for

    access = access_for(request.path)
    return redis_users.next(access.redis.rules) if access and access.redis else redis_users.next()


@pytest.fixture
def redis_look_url(redis_users: "Users", redis_url: str) -> str:
    return redis_users.looker(redis_url)


@pytest.fixture
def s3(real_stores: "Stores", request: pytest.FixtureRequest) -> "Bucket":
    from fp_testkit.accesses import access_for, noun_of
    from fp_testkit.buckets import Bucket

    all_rights = real_stores.endpoints("seaweedfs")
    access = access_for(request.path)
    is_user = access is not None and access.s3_prefixes is not None
    found = real_stores.object_store_of(noun_of(request.path)) if is_user else all_rights
    looker = (all_rights.s3_access_key, all_rights.s3_secret_key)
    bucket = Bucket(found.s3_endpoint, found.s3_bucket, found.s3_access_key, found.s3_secret_key, looker)
    bucket.ensure()
    # Not after the test: a service that ends after this fixture may still write.
    bucket.clear()
    return bucket


@pytest_asyncio.fixture
async def issuer() -> "AsyncIterator[Issuer]":
    from fp_testkit.issuer import Issuer

    started = Issuer()
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def rpc(identity: TestIdentity) -> "AsyncIterator[RpcFactory]":
    from fp_testkit.rpc import RpcHarness, rpc_factory

    opened: list[RpcHarness] = []
    yield rpc_factory(identity, opened)
    while opened:
        await opened.pop().close()


@pytest_asyncio.fixture
async def services() -> "AsyncIterator[ServiceFactory]":
    from fp_testkit.services import Services

    running = Services()
    yield running.start
    await running.stop()


@pytest.fixture(scope="session")
def sign_in_provider() -> "Iterator[SignInProvider]":
    from fp_testkit.sign_in_provider import start

    started = start("http://127.0.0.1:8000/login/sso/callback")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def crash_server() -> "Iterator[CrashServer]":
    from fp_testkit.crash_server import CrashServer

    server = CrashServer()
    yield server
    server.close()


@pytest.fixture
def kill_at(crash_server: "CrashServer", request: pytest.FixtureRequest) -> "KillAt":
    from fp_testkit.crash import kill_at as runner

    databases = request.getfixturevalue("database_server") if "databases" in request.fixturenames else None
    return runner(crash_server.execute, databases)


@pytest.fixture
def spans() -> "Iterator[SpanCollector]":
    from fp_testkit.traces import SpanCollector

    collector = SpanCollector()
    yield collector
    collector.close()
