"""The socket: JSON lines, one answer a request, only for the user who owns the folder."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fp_kernel.errors import Error, Internal, InvalidArgument, PermissionDenied, ResourceExhausted
from fp_supervisor import unix_path
from fp_supervisor.client import MAX_LINE_BYTES

Operation = Callable[[dict[str, Any]], Awaitable[Any]]
_CREDENTIALS = struct.Struct("3i")
_CONNECTIONS = 128


def listen(path: Path) -> socket.socket:
    """A bound socket that only its owner may open; a dead supervisor's is replaced.

    Raises OSError.
    """
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with unix_path.address(path) as address:
            server.bind(address)
    finally:
        os.umask(before)
    server.listen(_CONNECTIONS)
    return server


class Control:
    """operations: by name; each takes the request's other fields and gives something JSON can hold."""

    def __init__(self, operations: Mapping[str, Operation], note: Callable[[str], None]) -> None:
        self._operations = operations
        self._note = note
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self, listening: socket.socket) -> None:
        """Until cancelled."""
        server = await asyncio.start_unix_server(self._converse, sock=listening, limit=MAX_LINE_BYTES)
        async with server:
            await server.serve_forever()

    async def drain(self, seconds: float) -> None:
        """Lets the answers that are being written go out."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        self._idle.clear()
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line, writer)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):  # the client has closed, or its line has no end
            pass
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> dict[str, Any]:
        try:
            _check_peer(writer.get_extra_info("socket"))
            request = _parse(line)
            return {"result": await self._find(request.pop("operation", ""))(request)}
        except Error as error:
            return {"error": _describe(error)}
        except (KeyError, TypeError, ValueError) as error:
            return {"error": _describe(InvalidArgument(f"malformed request: {error!r}"))}
        except OSError as error:
            self._note(f"a request failed: {error!r}")
            return {"error": _describe(Internal(f"the supervisor could not do it: {error.strerror}"))}
        except Exception as error:  # noqa: BLE001 -- one bad request must not end the conversation of the others
            self._note(f"a request failed: {error!r}")
            return {"error": _describe(Internal("the supervisor failed; see logs/supervisor.log"))}

    def _find(self, name: Any) -> Operation:
        if self._open > _CONNECTIONS:
            raise ResourceExhausted("too many connections", retry_after=1.0)
        if name not in self._operations:
            raise InvalidArgument("unknown operation")
        return self._operations[name]


def _parse(line: bytes) -> dict[str, Any]:
    request = json.loads(line)
    if not isinstance(request, dict):
        raise InvalidArgument("a request is a JSON object")
    return request


def _describe(error: Error) -> dict[str, Any]:
    fields = [asdict(each) for each in error.fields]
    return {"kind": error.kind, "message": error.message, "reason": error.reason, "fields": fields}


def _check_peer(connection: socket.socket) -> None:
    """The mode of the socket's file says it already; some systems ignore that."""
    if sys.platform != "linux":
        return
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(packed)
    if user not in {0, os.geteuid()}:
        raise PermissionDenied("the supervisor belongs to another user")
