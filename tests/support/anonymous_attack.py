"""Strangers at the public addresses of a platform: python anonymous_attack.py GRPC HTTP FILE, until it is killed.

All that can be sent without a credential: bodies on every route, requests that never end, heads that never end, logins,
tokens that nobody signed, requests of two lengths. How often each was answered, and with what, is in the file, which is
written anew each second.
"""

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import uvloop
from fp_gateway.http.route_table import API
from fp_gateway.methods import all_methods

# What strangers compute they compute elsewhere; more would starve them where others work as well.
os.nice(5)

# RuntimeError: of uvloop, for a write on a connection that was closed meanwhile.
HALF_SENT = 2_000
SLOW_HEADS = 200
LOGINS = 1_000
LOGINS_A_SECOND = 20
SMALL, LARGE = 64 * 1024, 16 * 2**20
# Seconds between two requests of one stranger. A loop without a pause would only measure the processor.
PAUSE = 0.1
LARGE_PAUSE = 1.0
# Before half of a request is sent again that was refused: the same for all 2,000 of them.
HALF_PAUSE = 10.0
ANSWERS: Counter[tuple[str, str]] = Counter()
TOKENS = ("", "nonsense", "fp_" + "A" * 43, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "a" * 4_000)
TWO_LENGTHS = (
    "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "content-length: 2\r\ncontent-length: 40\r\n\r\n{}",
    "transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "transfer-encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "content-length: 0x2\r\n\r\n{}",
    "transfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
)
SMUGGLED = "GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
METHODS = [method for method in all_methods().values() if not method.client_streaming]
PATHS = [
    *((route.verb, "/api/v1" + route.path.replace("{", "").replace("}", "")) for route in API),
    ("POST", "/api/v1/login"),
    ("POST", "/api/v1/chat"),
    ("POST", "/v1/models/m/predict"),
    ("POST", "/v2/models/m/infer"),
    ("POST", "/login"),
    ("POST", "/oauth/token"),
]


def head(verb: str, path: str, length: int, token: str = "") -> bytes:
    credential = f"authorization: Bearer {token}\r\n" if token else ""
    return (
        f"{verb} {path} HTTP/1.1\r\nhost: x\r\n{credential}content-type: application/json\r\n"
        f"connection: close\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def body(size: int) -> bytes:
    """JSON that takes the longest to read: little text and many values."""
    return b'{"name":[' + b"[],".ljust(3) * ((size - 12) // 3) + b"[]]}"


class Http:
    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def exchange(self, kind: str, raw: bytes, seconds: float = 20.0) -> bytes:
        """What is answered until the other side closes, or has said nothing more for so long."""
        answer = b""
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):
            async with asyncio.timeout(seconds), self.connection() as (reader, writer):
                writer.write(raw)
                with contextlib.suppress(OSError, RuntimeError):
                    await writer.drain()
                while chunk := await reader.read(65_536):
                    answer += chunk
        ANSWERS[kind, answer[9:12].decode("latin-1") or "nothing"] += 1
        return answer


async def bodies(http: Http, size: int, pause: float) -> None:
    raw = body(size)
    for (verb, path), token in zip(itertools.cycle(PATHS), itertools.cycle(TOKENS)):
        await http.exchange(f"body of {size}", head(verb, path, len(raw), token) + raw)
        await asyncio.sleep(pause)


async def half_bodies(http: Http) -> None:
    """A request whose body never comes, again whenever it is cut."""
    for verb, path in itertools.cycle(PATHS):
        await http.exchange("half of a body", head(verb, path, SMALL) + b"{", 60.0)
        await asyncio.sleep(HALF_PAUSE)


async def slow_head(http: Http) -> None:
    while True:
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):
            async with asyncio.timeout(60.0), http.connection() as (reader, writer):
                writer.write(b"GET /api/v1/models HTTP/1.1\r\n")
                while not reader.at_eof():
                    writer.write(b"x: y\r\n")
                    await writer.drain()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(1.0):
                            await reader.read(1)
        ANSWERS["slow head", "closed"] += 1


async def logins(http: Http) -> None:
    running = set()
    for number in range(LOGINS):
        said = json.dumps({"email": f"nobody-{number}@example.org", "password": secrets.token_hex(12)}).encode()
        raw = head("POST", "/api/v1/login", len(said)) + said
        running.add(asyncio.ensure_future(http.exchange("login", raw, 60.0)))
        await asyncio.sleep(1 / LOGINS_A_SECOND)


async def two_lengths(http: Http) -> None:
    for framing in itertools.cycle(TWO_LENGTHS):
        start = "POST /api/v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        answer = await http.exchange("two lengths", (start + framing + SMUGGLED).encode(), 3.0)
        if b'"live"' in answer:
            ANSWERS["two lengths", "SMUGGLED"] += 1
        await asyncio.sleep(PAUSE)


async def call(kind: str, make: Callable[[], Awaitable[object]]) -> None:
    try:
        await make()
        ANSWERS[kind, "OK"] += 1
    except grpc.aio.AioRpcError as error:
        ANSWERS[kind, error.code().name] += 1


async def grpc_bodies(channel: grpc.aio.Channel, size: int, pause: float) -> None:
    raw = b"\x0a" + size.to_bytes(4, "big") + bytes(size)
    for method, token in zip(itertools.cycle(METHODS), itertools.cycle(TOKENS)):
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        one = channel.unary_unary(method.path)
        await call(f"gRPC body of {size}", lambda one=one, metadata=metadata: one(raw, metadata=metadata, timeout=20))
        await asyncio.sleep(pause)


async def grpc_half(channel: grpc.aio.Channel) -> None:
    for method in itertools.cycle(METHODS):
        half = channel.stream_unary(method.path)
        await call("half of a call", lambda half=half: half(timeout=60))
        await asyncio.sleep(HALF_PAUSE)


async def main(grpc_address: str, http_address: str, file: str) -> None:
    http = Http(http_address)
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(grpc_address, options=options) for _ in range(20)]
    attacks = [
        *(bodies(http, SMALL, PAUSE) for _ in range(8)),
        *(bodies(http, LARGE, LARGE_PAUSE) for _ in range(4)),
        *(grpc_bodies(channel, SMALL, PAUSE) for channel in channels[:4]),
        *(grpc_bodies(channel, LARGE, LARGE_PAUSE) for channel in channels[4:8]),
        *(half_bodies(http) for _ in range(HALF_SENT // 2)),
        *(grpc_half(channels[number % 20]) for number in range(HALF_SENT // 2)),
        *(slow_head(http) for _ in range(SLOW_HEADS)),
        logins(http),
        two_lengths(http),
    ]
    tasks = [asyncio.ensure_future(attack) for attack in attacks]
    print("there", flush=True)
    while True:
        found = {f"{kind}: {answer}": count for (kind, answer), count in sorted(ANSWERS.items())}
        found |= {f"failed: {task.exception()!r}": 1 for task in tasks if task.done() and task.exception()}
        write(Path(file), json.dumps(found, indent=1))
        await asyncio.sleep(1.0)


def write(file: Path, text: str) -> None:
    """Whole or not at all: the proof kills us at any moment."""
    part = file.with_suffix(".part")
    part.write_text(text)
    part.replace(file)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
