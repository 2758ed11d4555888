"""The admin of a running edge, over its socket: only its owner may open that."""

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Final

SOCKET: Final = "admin.sock"
_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.1
_ACTIVE: Final = "http.edge.downstream_rq_active"


async def drain(folder: Path, seconds: float, *, least: float = 0.0) -> None:
    """Tell clients to go elsewhere and wait until no call is under way, for at most so many seconds.

    least: seconds that it goes on serving in any case, where others need that time to hear of it.
    An edge that does not answer is not waited for.
    """
    began = time.monotonic()
    heard, until = began + least, began + seconds
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        await ask(folder, "POST", "/healthcheck/fail")
        await ask(folder, "POST", "/drain_listeners?graceful&skip_exit")
        while (now := time.monotonic()) < until and (now < heard or await _active(folder)):  # noqa: ASYNC110 -- Envoy's
            await asyncio.sleep(_POLL_SECONDS)


async def _active(folder: Path) -> int:
    text = await ask(folder, "GET", f"/stats?filter=^{_ACTIVE}$")
    return int(text.rpartition(":")[2])


async def ask(folder: Path, verb: str, path: str) -> str:
    """The answer's body. Raises OSError, TimeoutError."""
    async with asyncio.timeout(_SECONDS):
        # By its descriptor, because the path of a socket is limited to 107 bytes.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}/{SOCKET}")
        finally:
            os.close(descriptor)
        try:
            writer.write(
                f"{verb} {path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
            )
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
    if b"transfer-encoding: chunked" in head.lower():
        body = b"".join(body.split(b"\r\n")[1:-1:2])
    return body.decode()
