"""Just enough of a line protocol to ask a server whether it is ready; no client library is needed for that."""

import socket

from fp_devstack.ports import HOST

_TIMEOUT_SECONDS = 1.0


def exchange(port: int, send: bytes, expected: bytes, *, greeting: bytes = b"") -> bool:
    """Whether the server greets with `greeting`, and answers `send` by something that holds `expected`."""
    try:
        with socket.create_connection((HOST, port), timeout=_TIMEOUT_SECONDS) as connection:
            if greeting and greeting not in _read(connection, greeting):
                return False
            connection.sendall(send)
            return expected in _read(connection, expected)
    except OSError:
        return False


def _read(connection: socket.socket, until: bytes, limit: int = 65_536) -> bytes:
    answer = b""
    while until not in answer and b"-ERR" not in answer and len(answer) < limit:
        chunk = connection.recv(4096)
        if not chunk:
            break
        answer += chunk
    return answer
