"""A webhook receiver as any team could have one: it verifies the signature and drops what it knows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PATH = "/drift"
_MOST_BYTES = 64 * 1024
_SECONDS = 10.0


@dataclass(slots=True)
class Receiver:
    """by_id: verified messages by their webhook-id; `news` is set by each. repeated: sent again with a known id.

    refused: without a good signature. secret: None until the rule is made; nothing is taken before.
    """

    url: str = ""
    secret: str | None = None
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    repeated: int = 0
    refused: int = 0

    @property
    def events(self) -> int:
        """Of how many events the messages tell: beyond a few in a minute, one message stands for the rest."""
        return sum(int(message["data"]["events"]) for message in self.by_id.values())

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The HTTP status that answers a message."""
        if self.secret is None:
            return 503
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        identifier = headers["webhook-id"]
        if identifier in self.by_id:
            self.repeated += 1
        else:
            self.by_id[identifier] = json.loads(body)
            self.news.set()
        return 204


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """On a free port of this machine, until the block ends."""
    receiver = Receiver()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                status = receiver.take(*await _read(reader))
                writer.write(f"HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
                await writer.drain()
        except (TimeoutError, ValueError, OSError, asyncio.IncompleteReadError):
            pass  # not a message; whoever sent it gets no answer
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=_MOST_BYTES)
    host, port = server.sockets[0].getsockname()[:2]
    receiver.url = f"http://{host}:{port}{PATH}"
    async with server:
        yield receiver


async def _read(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """Headers in lower case and body. Raises ValueError for what is no such message."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    if not head[0].startswith(f"POST {PATH} "):
        raise ValueError(head[0])
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= _MOST_BYTES:
        raise ValueError(f"{length} bytes")
    return headers, await reader.readexactly(length)
