"""A call over HTTP/1.1."""

from collections.abc import Callable, Iterable, Mapping
from http.client import responses
from typing import TYPE_CHECKING, Any, Final, cast

from fp_rpc.http2.head import Head
from fp_rpc.http2.http_stream import ALWAYS, HttpRoute, HttpStream
from fp_rpc.http2.stream import Stream

if TYPE_CHECKING:
    from fp_rpc.http1.connection import Http1Connection

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_FIXED: Final = "".join(f"{name}: {value}\r\n" for name, value in ALWAYS)


class Http1Stream(HttpStream):
    """keep: whether the client wants to ask again on this connection. wanted: the handler waits for the body."""

    __slots__ = ("_http1", "keep", "wanted")

    def __init__(
        self,
        connection: "Http1Connection",
        head: Head,
        now: float,
        *,
        found: tuple[HttpRoute, Mapping[str, str]],
        watch: Callable[[Stream], None],
        keep: bool,
    ) -> None:
        super().__init__(cast("Any", connection), 0, head, now, found=found, watch=watch)
        self._http1 = connection
        self.keep = keep
        self.wanted = False
        self._body.unlimited()

    @property
    def unread(self) -> int:
        """Bytes of the body that wait for the handler."""
        return self._body.size

    async def read(self) -> Any:
        if not self.ended:
            self.wanted = True
            if self.head.metadata.get("expect") == "100-continue":
                self._http1.send(_CONTINUE)
            self._http1.read_on()
        return await super().read()

    def give_up(self) -> None:
        self._drop()
        self._http1.end()

    def _reply(self, status: int, kind: str, body: bytes, more: Iterable[tuple[str, str]]) -> None:
        if self.closed:
            return
        self._began = True
        self.keep = self.keep and self.ended
        self._http1.send(answer(status, kind, body, more, keep=self.keep))
        self._over()

    def _over(self) -> None:
        self.closed = True
        self._messages.clear()
        self._http1.answered()


def answer(status: int, kind: str, body: bytes, more: Iterable[tuple[str, str]], *, keep: bool) -> bytes:
    head = [f"HTTP/1.1 {status} {responses.get(status, '')}\r\n{_FIXED}"]
    if kind:
        head.append(f"content-type: {kind}\r\n")
    head += [f"{name}: {value}\r\n" for name, value in more]
    end = "" if keep else "connection: close\r\n"
    head.append(f"content-length: {len(body)}\r\n{end}\r\n")
    return "".join(head).encode("latin-1") + body
