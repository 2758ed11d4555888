"""A service of all shapes, compiled here, behind a real server on a free port."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc_tools
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from fp_kernel import Principal, invalid
from fp_rpc import BearerToken, ChannelPolicy, Channels, JwtResolver, NoAudit, Server, ServerPolicy, StaticJwks
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now
from grpc_tools import protoc
from jwt.algorithms import RSAAlgorithm

HERE = Path(__file__).resolve().parent
ISSUER = "http://auth.test"
PROTO = next(parent for parent in HERE.parents if (parent / "proto" / "forgepoint").is_dir()) / "proto"


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The generated modules: `pb` and `rpc`."""
    out = tmp_path_factory.mktemp("generated")
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    arguments = [
        "protoc",
        f"-I{HERE / 'component'}",
        f"-I{PROTO}",
        f"-I{well_known}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        "shapes.proto",
    ]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, str(out))
    yield SimpleNamespace(pb=importlib.import_module("shapes_pb2"), rpc=importlib.import_module("shapes_pb2_grpc"))
    sys.path.remove(str(out))


class Keys:
    """Signs tokens; `jwks` verifies them."""

    def __init__(self, kid: str = "one", bits: int = 2048) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        entry = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwks = {"keys": [{**entry, "kid": kid, "use": "sig", "alg": "RS256"}]}

    def sign(self, **claims: Any) -> str:
        """A token of a viewer of team `red`, but for what is given; a claim given as None is left out."""
        now = int(real_now().timestamp())
        body: dict[str, Any] = {
            "iss": ISSUER,
            "aud": "forgepoint",
            "sub": "user-1",
            "iat": now,
            "exp": now + 86_400,
            "jti": "token-1",
            "team": "red",
            "role": "viewer",
            "scopes": ["models:read"],
        }
        body.update(claims)
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(body, self.private, algorithm="RS256", headers={"kid": self.kid})

    def service(self, noun: str = "registry", **claims: Any) -> str:
        return self.sign(**{"sub": noun, "role": "service", "team": "", "scopes": ["models:*", "users:read"], **claims})


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture(scope="session")
def make_keys() -> type[Keys]:
    return Keys


@pytest.fixture
def resolver(keys: Keys) -> JwtResolver:
    return JwtResolver(ISSUER, StaticJwks(keys.jwks))


@pytest.fixture
def scripted(shapes: SimpleNamespace) -> Any:  # noqa: C901 -- one line a method
    """A servicer whose behaviours are plain attributes: `one` (of all methods of its shape), `out`, `in_`, `both`."""
    response = shapes.pb.Response

    class Scripted(shapes.rpc.ShapesServiceServicer):  # type: ignore[name-defined, misc] -- generated at test time
        async def one(self, request: Any, context: Any) -> Any:
            return response(text=f"one {request.text}", payload=request.payload)

        async def out(self, request: Any, context: Any) -> AsyncIterator[Any]:
            for number in range(3):
                yield response(text=f"{request.text} {number}")

        async def in_(self, requests: Any, context: Any) -> Any:
            return response(text=" ".join([request.text async for request in requests]))

        async def both(self, requests: Any, context: Any) -> AsyncIterator[Any]:
            async for request in requests:
                yield response(text=f"both {request.text}")

        async def One(self, request: Any, context: Any) -> Any:
            return await self.one(request, context)

        async def Write(self, request: Any, context: Any) -> Any:
            return await self.one(request, context)

        async def Open(self, request: Any, context: Any) -> Any:
            return await self.one(request, context)

        async def Anyone(self, request: Any, context: Any) -> Any:
            return await self.one(request, context)

        async def Inner(self, request: Any, context: Any) -> Any:
            return await self.one(request, context)

        async def Crossing(self, request: Any, context: Any) -> Any:
            return await self.one(request, context)

        async def Out(self, request: Any, context: Any) -> AsyncIterator[Any]:
            async for answer in self.out(request, context):
                yield answer

        async def In(self, requests: Any, context: Any) -> Any:
            return await self.in_(requests, context)

        async def Both(self, requests: Any, context: Any) -> AsyncIterator[Any]:
            async for answer in self.both(requests, context):
                yield answer

    return Scripted()


class HttpForm:
    """A document is the text of a request, and the text of an answer a document."""

    def __init__(self, shapes: SimpleNamespace) -> None:
        self._pb = shapes.pb

    def __call__(self, body: bytes, headers: Any, parameters: Any) -> SimpleNamespace:
        if body == b"wrong":
            raise invalid("body", "is wrong")
        # As texts of JSON are read.
        text = body.decode().replace("\\u0000", "\0")
        request = self._pb.Request(text=text, thing_id=parameters["thing"])
        return SimpleNamespace(message=request, answer=self._answer)

    def _answer(self, response: Any) -> tuple[bytes, dict[str, str], str]:
        return response.text.encode() + response.payload, {"x-own": "1"}, "text/plain"


@dataclass
class Running:
    """A server and ways to call it."""

    server: Server
    metrics: Metrics
    address: str
    shapes: SimpleNamespace
    _closing: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def stub(self, token: str | None = None, *, policy: ChannelPolicy | None = None, timeout: float = PATIENCE) -> Any:
        """A stub on one of our channels."""
        return self.stub_of(Channels(BearerToken(token) if token else None, policy), timeout=timeout)

    def stub_of(self, channels: Channels, *, timeout: float = PATIENCE) -> Any:
        self._closing.append(channels.close)
        return self.shapes.rpc.ShapesServiceStub(channels.open(self.address, timeout=timeout))

    def plain(self) -> Any:
        """A stub on a bare channel, as a client of another make has it."""
        return self.shapes.rpc.ShapesServiceStub(self.bare())

    def bare(self) -> grpc.aio.Channel:
        channel = grpc.aio.insecure_channel(self.address)
        self._closing.append(channel.close)
        return channel

    def sample(self, name: str, **labels: str) -> float:
        """A metric's value; 0 when it has none."""
        return self.metrics.registry.get_sample_value(f"fp_test_{name}", labels) or 0.0

    async def close(self) -> None:
        for close in self._closing:
            await close()
        await self.server.stop(0.0)


@pytest_asyncio.fixture
async def serve(
    shapes: SimpleNamespace, scripted: Any, resolver: JwtResolver
) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    running: list[Running] = []

    async def start(
        servicer: Any = None,
        *,
        policy: ServerPolicy | None = None,
        audit: Any = None,
        reflection: bool = False,
        **others: Any,
    ) -> Running:
        metrics = Metrics("test")
        server = Server(
            "test",
            resolver=others.get("resolver", resolver),
            metrics=metrics,
            policy=policy,
            audit=audit or NoAudit(),
            reflection=reflection,
        )
        server.add(shapes.rpc.add_ShapesServiceServicer_to_server, servicer or scripted)
        if "link" in others:
            server.link(others["link"], 0)
        if "http" in others:
            server.http(("/things/{thing}/do",), others["http"], shapes.pb.Response, HttpForm(shapes))
        port = await server.start(others.get("address", "127.0.0.1:0"), others.get("certificates"))
        server.set_serving(True)
        running.append(Running(server, metrics, f"127.0.0.1:{port}", shapes))
        return running[-1]

    yield start
    for each in running:
        await each.close()


@pytest.fixture
def bearer() -> Callable[..., tuple[tuple[str, str], ...]]:
    def pairs(token: str, **others: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {token}"), *((name.replace("_", "-"), v) for name, v in others.items()))

    return pairs


@pytest.fixture
def viewer() -> Principal:
    return Principal(user_id="user-1", team="red", role="viewer", scopes=frozenset({"models:read"}), expires_at=4e9)


@pytest.fixture
def make_policy() -> type[ServerPolicy]:
    return ServerPolicy


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait for what another task is about to do; fails when it does not."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0)

    return wait
