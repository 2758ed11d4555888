"""What the kubelet asks a store's pod."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Readiness:
    """GET /livez always answers; GET /readyz as `say` has it, and not before."""

    def __init__(self, port: int) -> None:
        self._ready: Callable[[], bool] = _not_yet
        self._server = ThreadingHTTPServer(("0.0.0.0", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="readiness", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def say(self, ready: Callable[[], bool]) -> None:
        self._ready = ready

    def deny(self) -> None:
        self._ready = _not_yet

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                answers = {"/livez": lambda: True, "/readyz": outer._ready}
                known = answers.get(self.path)
                status = HTTPStatus.NOT_FOUND if known is None else _status(known())
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """A line for each probe would hide what the store says."""

        return Handler


def _status(ready: object) -> HTTPStatus:
    return HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE


def _not_yet() -> bool:
    return False
