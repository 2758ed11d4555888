"""One connection to NATS that keeps itself up."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fp_kernel import Error, FailedPrecondition, InvalidArgument, ResourceExhausted, Unavailable
from fp_kernel.trust import Untrusted, distrust
from fp_telemetry import get_logger
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from fp_events.cancellation import checkpoint, end
from fp_events.refusals import Refusals, forbidden
from fp_events.secure_client import SecureClient

log = get_logger(__name__)

_FIRST_WAIT: Final = 2.0
_PING_TIMEOUT: Final = 2.0
_CLOSE_TIMEOUT: Final = 5.0
_API_TIMEOUT: Final = 5.0
_RECONNECT_WAIT: Final = 0.25
_FULL: Final = frozenset({10077, 10167, 10047})  # max bytes, max messages, storage of the server
_TOO_LARGE: Final = 10054
_STORE: Final = "the event bus"


class Connection:
    """Connects in the background for as long as it takes, and again whenever the connection is lost.

    client: nats-py's, which survives the loss of its connection. When the server closes it for good (a slow reader,
    a revoked password) it is replaced: `generation` grows, and subscriptions of the earlier one have ended.
    """

    def __init__(self, url: str, name: str, authorities: Path | None = None) -> None:
        """authorities: file with those whose certificate the server must have; without it a URL that starts with
        `tls://` means those that the system trusts.
        """
        self._secure = authorities is not None or url.startswith("tls://")
        self._authorities = authorities
        self._untrusted: Untrusted | None = None
        self.client = self._new_client()
        self.generation = 0
        self.refusals = Refusals()
        self._closing = False
        self._url = url
        self._name = name
        self._connecting: asyncio.Task[None] | None = None
        self._on_lost: list[Callable[[], None]] = []
        self._on_back: list[Callable[[], None]] = []

    async def open(self) -> None:
        """Returns when connected, or after two seconds without an answer."""
        self._connecting = asyncio.create_task(self._connect(), name="bus-connect")
        try:
            await asyncio.wait({self._connecting}, timeout=_FIRST_WAIT)
            if self._connecting.done():
                self._connecting.result()
        except BaseException:
            await self.close()
            raise

    def watch(self, *, lost: Callable[[], None], back: Callable[[], None]) -> Callable[[], None]:
        """Call `lost` and `back` at every loss and return of the connection; the returned function ends that."""
        self._on_lost.append(lost)
        self._on_back.append(back)

        def forget() -> None:
            self._on_lost.remove(lost)
            self._on_back.remove(back)

        return forget

    @property
    def up(self) -> bool:
        return bool(self.client.is_connected)

    async def ping(self) -> None:
        """Raises Unavailable."""
        if not self.up:
            raise self._away()
        try:
            async with asyncio.timeout(_PING_TIMEOUT):
                await self.client.flush(timeout=10)
        except (TimeoutError, errors.Error, OSError) as error:
            raise Unavailable("the event bus does not answer") from error
        checkpoint()

    async def api(self, subject: str, request: Any = None) -> dict[str, Any]:
        """One call of the JetStream API. Raises what `refused` says."""
        if not self.up:
            raise self._away()
        body = b"" if request is None else json.dumps(request).encode()
        try:
            answer = await self._requested(f"$JS.API.{subject}", body)
        except (TimeoutError, errors.Error, OSError) as error:
            raise Unavailable("the event bus does not answer") from error
        checkpoint()
        made: dict[str, Any] = json.loads(answer.data)
        if "error" in made:
            raise refused(made["error"])
        return made

    async def _requested(self, subject: str, body: bytes) -> Msg:
        """Raises Forbidden at once: the server gives no other answer."""
        with self.refusals.of(subject) as refused:
            answer = asyncio.ensure_future(self.client.request(subject, body, timeout=_API_TIMEOUT))
            try:
                either: set[asyncio.Future[Any]] = {answer, refused}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not answer.done():
                    raise forbidden(subject)
                return await answer
            finally:
                answer.cancel()

    async def close(self) -> None:
        self._closing = True
        if self._connecting is not None:
            await end(self._connecting)
        if self.up:
            # Acks are publishes: without the flush the last ones stay here and their events come again.
            with contextlib.suppress(TimeoutError, errors.Error, OSError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self.client.flush(timeout=10)
        if not self.client.is_closed:
            with contextlib.suppress(TimeoutError, errors.Error, OSError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self.client.close()

    async def _connect(self) -> None:
        await self.client.connect(
            self._url.split(","),
            name=self._name,
            # Of its own: a user may listen to its own answers only.
            inbox_prefix=f"_INBOX_{self._name}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RECONNECT_WAIT,  # type: ignore[arg-type]  # seconds; the library sleeps for them
            ping_interval=20,
            error_cb=self._failed,
            disconnected_cb=self._lost,
            reconnected_cb=self._back,
            closed_cb=self._closed,
        )
        self._untrusted = None
        self._notify(self._on_back)

    async def _failed(self, error: Exception) -> None:
        before = self._untrusted
        self._untrusted = distrust(_STORE, error)
        if self._untrusted and (before is None or before.reason != self._untrusted.reason):
            log.error("event bus is not trusted", reason=self._untrusted.reason)
        elif not self.refusals.take(error):
            log.debug("connection of the event bus failed", error=repr(error))

    async def _lost(self) -> None:
        if not self.client.is_closed:
            log.warning("event bus is away")
        self._notify(self._on_lost)

    async def _back(self) -> None:
        log.info("event bus is back")
        self._untrusted = None
        self._notify(self._on_back)

    async def _closed(self) -> None:
        self._notify(self._on_lost)
        if not self._closing:
            log.error("event bus turned the client away", error=repr(self.client.last_error))
            self._connecting = asyncio.create_task(self._start_again(), name="bus-connect")

    async def _start_again(self) -> None:
        await asyncio.sleep(_RECONNECT_WAIT)
        self.client = self._new_client()
        self.generation += 1
        await self._connect()

    def _new_client(self) -> Client:
        return SecureClient(self._authorities) if self._secure else Client()

    def _away(self) -> Unavailable:
        return self._untrusted or Unavailable("the event bus is away")

    def _notify(self, listeners: list[Callable[[], None]]) -> None:
        for listener in tuple(listeners):
            listener()


def refused(answer: dict[str, Any]) -> Error:
    """The error in an answer of JetStream, as one of ours."""
    status, number = answer.get("code", 0), answer.get("err_code", 0)
    said = str(answer.get("description", ""))
    facts = {"bus_error": str(number)}
    if number in _FULL:
        return ResourceExhausted(f"the event bus is full: {said}", reason="STREAM_FULL", metadata=facts)
    if number == _TOO_LARGE:
        return InvalidArgument(f"the event is too large: {said}", reason="EVENT_TOO_LARGE", metadata=facts)
    if status == 404:  # noqa: PLR2004 -- the API speaks HTTP's numbers
        return Missing(said, metadata=facts)
    if status == 400:  # noqa: PLR2004
        return FailedPrecondition(f"the event bus refused: {said}", reason="BUS_REFUSED", metadata=facts)
    return Unavailable(f"the event bus failed: {said}", metadata=facts)


class Missing(FailedPrecondition):
    """A stream, consumer or message is not there."""
