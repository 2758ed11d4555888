"""One platform for the tests of a folder, started as a user would, and clients of its public doors."""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import pytest_asyncio
from forgepoint.auth.v1 import auth_pb2
from forgepoint.inference.v1 import inference_pb2
from fp_kernel import NotFound, new_id
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE
from fp_testkit.traces import SpanCollector
from platform_client import Client, Platform, deploy_linear, start

PASSWORD = "correct horse battery staple"
Inspection = Callable[[Platform], Coroutine[Any, Any, dict[str, set[str]]]]


@pytest.fixture(scope="session")
def collector() -> Iterator[SpanCollector]:
    collector = SpanCollector()
    yield collector
    collector.close()


class SharedPlatform:
    """Started at its first use, and again at the first one after its end.

    collector: of its spans; None for a platform that traces nothing. inspect: looks at it before its end; what it
    answers should be empty.
    """

    def __init__(
        self, folders: pytest.TempPathFactory, collector: SpanCollector | None, inspect: Inspection | None = None
    ) -> None:
        self._folders, self._collector, self._inspect = folders, collector, inspect
        self._running: Platform | None = None

    def get(self) -> Platform:
        if self._running is None:
            folder = self._folders.mktemp("platform")
            if self._collector is not None:
                os.environ["FP_OTEL_ENDPOINT"] = self._collector.endpoint
            try:
                self._running = Platform(folder, asyncio.run(start(folder)))
            finally:
                os.environ.pop("FP_OTEL_ENDPOINT", None)
        return self._running

    def end(self) -> None:
        if self._running is None:
            return
        ended, self._running = self._running, None
        try:
            found = asyncio.run(self._inspect(ended)) if self._inspect else {}
        finally:
            asyncio.run(ended.supervisor.shutdown())
            shutil.rmtree(ended.folder, ignore_errors=True)
        assert found == {}, found


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory, collector) -> Iterator[SharedPlatform]:
    shared = SharedPlatform(tmp_path_factory, collector)
    yield shared
    shared.end()


@pytest.fixture(scope="module")
def platform(shared_platform) -> Platform:
    """The same for all modules that follow each other."""
    return shared_platform.get()


@pytest_asyncio.fixture
async def connect(platform):
    opened: list[Channels] = []

    def client(token: str | None = None) -> Client:
        channels = Channels(BearerToken(token) if token else None)
        opened.append(channels)
        return Client(channels.open(platform.access.address, timeout=PATIENCE))

    yield client
    for channels in opened:
        await channels.close()


@pytest_asyncio.fixture
async def admin_token(platform, connect) -> str:
    """The first admin's token, fresh for each test: one for all of them ends with its 15 minutes on a slow machine."""
    return await connect().login(platform.access.email, platform.access.password)


@pytest_asyncio.fixture
async def admin(connect, admin_token) -> Client:
    return connect(admin_token)


@pytest_asyncio.fixture
async def token_of(admin, connect):
    """`await token_of("viewer", team="other")`: a fresh user's token."""

    async def make(role: str, team: str) -> str:
        email = f"{role}-{new_id()}@{team}.test"
        user = (
            await admin.auth.CreateUser(
                auth_pb2.CreateUserRequest(email=email, name=role, password=PASSWORD, team=team)
            )
        ).user
        await admin.auth.AssignRole(auth_pb2.AssignRoleRequest(user_id=user.id, role_name=role))
        return await connect().login(email, PASSWORD)

    return make


@pytest_asyncio.fixture
async def served(admin) -> str:
    """Name of a model of the first team that is deployed and answers."""
    name = "linear"
    try:
        await admin.inference.GetModelInfo(inference_pb2.GetModelInfoRequest(model_name=name))
    except NotFound:
        await deploy_linear(admin, name)
    return name
