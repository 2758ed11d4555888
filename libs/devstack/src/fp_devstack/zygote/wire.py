"""The protocol of supervisor and zygote: length-prefixed JSON requests, JSON lines as events."""

import json
import socket
import struct
from dataclasses import asdict, dataclass, field
from typing import Any

_LENGTH = struct.Struct("!I")
# A job's environment with its presigned URLs stays far below.
MAX_REQUEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fork:
    """Fork a child that runs `module`. Its standard output and error go to the descriptor sent with the request.

    id: comes back in the event with the pid.
    title: what process lists show, cut to 15 bytes.
    environment: the whole of it.
    niceness: how far it stands back where others want the processor, 0 to 19.
    """

    id: int
    title: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    niceness: int = 0


@dataclass(frozen=True, slots=True)
class Kill:
    """Send a signal to a child, or to all of its session. One that has ended is ignored."""

    pid: int
    signal: int
    session: bool = False


def send(connection: socket.socket, request: Fork | Kill, descriptors: tuple[int, ...] = ()) -> None:
    """Raises OSError when the other side has closed, ValueError when the request is too long."""
    body = json.dumps({"type": type(request).__name__, **asdict(request)}).encode()
    if len(body) > MAX_REQUEST_BYTES:
        raise ValueError(f"a request of {len(body)} bytes is over the limit of {MAX_REQUEST_BYTES}")
    head = _LENGTH.pack(len(body))
    if socket.send_fds(connection, [head], descriptors) != len(head):
        raise ConnectionError("the zygote takes no requests")
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Fork | Kill, list[int]] | None:
    """The next request with its descriptors; None when the other side has closed."""
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 1)
    head += _exactly(connection, _LENGTH.size - len(head)) if head else b""
    if len(head) < _LENGTH.size:
        return None
    body = _exactly(connection, _LENGTH.unpack(head)[0])
    if not body:
        return None
    content: dict[str, Any] = json.loads(body)
    if content.pop("type") == Kill.__name__:
        return Kill(**content), descriptors
    return Fork(**{**content, "arguments": tuple(content["arguments"])}), descriptors


def _exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or none when the other side has closed."""
    chunks: list[bytes] = []
    while size:
        chunk = connection.recv(size)
        if not chunk:
            return b""
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
