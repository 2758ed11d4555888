"""auth as it runs: real Postgres and NATS, called through gRPC."""

import base64
import functools
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import resources
from types import SimpleNamespace

import argon2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_auth.adapters.argon2 import Argon2Hasher
from fp_auth.main import serve
from fp_auth.settings import AuthSettings
from fp_kernel import InvalidArgument, PermissionDenied
from fp_rpc import BearerToken, Channels, ServiceCredential
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from pydantic import SecretStr

OPERATOR = "admin@example.com"
PASSWORD = "a-river-and-9-lanterns"
SECRET = "the-pipeline-shows-this-secret"
# Tests ask what auth says; a service would answer for it.
_PASSING = (InvalidArgument, PermissionDenied)
ISSUER = "http://auth.test"
MIGRATIONS = resources.files("fp_auth") / "migrations"
# Real hashing, made cheap: what it costs is not the subject here.
CHEAP = argon2.Parameters(
    type=argon2.Type.ID, version=19, salt_len=8, hash_len=16, time_cost=1, memory_cost=8, parallelism=1
)

Stub = auth_pb2_grpc.AuthServiceStub


@dataclass
class Auth:
    """One replica, and callers of it."""

    service: RunningService
    stack: AsyncExitStack

    @property
    def address(self) -> str:
        return self.service.grpc_address

    def caller(self, token: str = "") -> Stub:
        """A client with this token or API key; failures are `fp_kernel` errors."""
        return self._stub(Channels(BearerToken(token) if token else None))

    def pipeline(self) -> Stub:
        """A service of the platform, which got its token here."""
        credential = ServiceCredential("pipeline", SECRET, self.address)
        self.stack.push_async_callback(credential.close)
        return self._stub(Channels(credential))

    async def service_token(self, noun: str, *, audience: str = "") -> str:
        request = auth_pb2.ExchangeServiceTokenRequest(service=noun, secret=SECRET, audience=audience)
        return (await self.caller().ExchangeServiceToken(request)).access_token

    async def login(self, email: str = OPERATOR, password: str = PASSWORD) -> auth_pb2.LoginResponse:
        return await self.caller().Login(auth_pb2.LoginRequest(email=email, password=password))

    async def operator(self) -> Stub:
        """The first one, a member of team alpha."""
        return self.caller((await self.login()).access_token)

    async def member(self, role: str = "viewer", *, team: str = "alpha", email: str = "") -> "Member":
        """A new user of this role, logged in."""
        operator = await self.operator()
        email = email or f"{role}-{self._next()}@example.com"
        request = auth_pb2.CreateUserRequest(email=email, name=role, password=PASSWORD, team=team)
        user = (await operator.CreateUser(request)).user
        if role != "viewer":
            await operator.AssignRole(auth_pb2.AssignRoleRequest(user_id=user.id, role_name=role))
        session = await self.login(email)
        return Member(session.user, session.access_token, session.refresh_token, self.caller(session.access_token))

    _count: int = 0

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _stub(self, channels: Channels) -> Stub:
        self.stack.push_async_callback(channels.close)
        return auth_pb2_grpc.AuthServiceStub(channels.open(self.address, timeout=PATIENCE, passing=_PASSING))


@dataclass
class Member:
    user: auth_pb2.User
    token: str
    refresh_token: str
    call: Stub


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch):
    monkeypatch.setattr("fp_auth.main.Argon2Hasher", lambda: Argon2Hasher(CHEAP))


@functools.cache
def _private_key(_number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@pytest.fixture(autouse=True)
def _keys_of_earlier_tests(monkeypatch):
    """Each key of a test is another one, and the first key of each test is the same: to make one takes 70 ms."""
    numbers = itertools.count()
    made = SimpleNamespace(generate_private_key=lambda *_: _private_key(next(numbers)))
    monkeypatch.setattr("fp_auth.adapters.keyring.rsa", made)


@pytest.fixture
async def settings(databases, nats_url, s3) -> AuthSettings:
    return AuthSettings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        auth_issuer=ISSUER,
        env="dev",
        database_url=SecretStr(await databases.create(MIGRATIONS, service="auth")),
        nats_url=SecretStr(nats_url),
        auth_key_encryption_key=SecretStr(base64.b64encode(b"k" * 32).decode()),
        auth_audit_key=SecretStr(base64.b64encode(b"a" * 32).decode()),
        s3_endpoint=s3.endpoint,
        s3_public_endpoint=s3.endpoint,
        s3_bucket=s3.name,
        s3_access_key=SecretStr(s3.access_key),
        s3_secret_key=SecretStr(s3.secret_key),
        auth_service_credentials=",".join(
            f"{noun}={hashlib.sha256(SECRET.encode()).hexdigest()}" for noun in ("pipeline", "gateway")
        ),
        auth_bootstrap_email=OPERATOR,
        auth_bootstrap_password=SecretStr(PASSWORD),
        auth_bootstrap_team="alpha",
    )


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
def start(services, settings, stack) -> Callable:
    """Start a replica; more than one share database and bus."""

    async def begin(*, clock=None, **changes) -> Auth:
        return Auth(await services("auth", settings.model_copy(update=changes), serve, clock=clock), stack)

    return begin


@pytest.fixture
async def auth(start) -> Auth:
    return await start()
