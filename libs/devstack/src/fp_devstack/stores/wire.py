"""Just enough of a line protocol to ask a server whether it is ready; no client library is needed for that."""

import socket
import ssl

from fp_supervisor.loopback import HOST

_TIMEOUT_SECONDS = 1.0


def exchange(port: int, send: bytes, expected: bytes, *, greeting: bytes = b"", tls: bool = False) -> bool:
    """Whether the server greets with `greeting`, and answers `send` by something that holds `expected`.

    tls: behind the greeting. Its certificate is not looked at: it is our own child that we ask, on loopback.
    """
    try:
        with socket.create_connection((HOST, port), timeout=_TIMEOUT_SECONDS) as connection:
            if greeting and greeting not in _read(connection, greeting):
                return False
            if not tls:
                return _answers(connection, send, expected)
            with unverified().wrap_socket(connection) as wrapped:
                return _answers(wrapped, send, expected)
    except OSError:
        return False


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _answers(connection: socket.socket, send: bytes, expected: bytes) -> bool:
    connection.sendall(send)
    return expected in _read(connection, expected)


def _read(connection: socket.socket, until: bytes, limit: int = 65_536) -> bytes:
    answer = b""
    while until not in answer and b"-ERR" not in answer and len(answer) < limit:
        chunk = connection.recv(4096)
        if not chunk:
            break
        answer += chunk
    return answer
