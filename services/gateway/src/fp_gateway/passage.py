"""One call through the gateway, from its headers to its end: its credential, its room, its figures."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from fp_kernel import DeadlineExceeded, Error, Internal, new_id
from fp_rpc import headers
from fp_rpc.addresses import ip_of
from fp_rpc.call_metrics import CallMetrics
from fp_telemetry import get_logger

from fp_gateway.admission import Admission, Stranger
from fp_gateway.callers import Callers
from fp_gateway.client_address import ClientAddressHeaders, said_of_client
from fp_gateway.failures import Failure, of_error
from fp_gateway.metadata import Pair, to_service
from fp_gateway.methods import Method

_log = get_logger(__name__)
_access = get_logger("fp_gateway.access")
_CANCELLED: Final = "CANCELLED"
_LATE: Final = "DEADLINE_EXCEEDED"
# A cancellation by the deadline may arrive a little before the deadline by this process's clock.
_TOLERANCE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Passages:
    """What all calls share. access_log: a line for each."""

    callers: Callers
    admission: Admission
    addresses: ClientAddressHeaders
    metrics: CallMetrics
    access_log: bool


class Passage:
    """counted: whether its end is counted here; the server inside the gateway counts its own calls."""

    def __init__(self, shared: Passages, method: Method, context: Any, *, counted: bool) -> None:
        self._shared = shared
        self._method = method
        self._context = context
        self._counted = counted
        self._started = time.monotonic()
        self._held = 0
        self._stranger: Stranger | None = None
        self.code = "OK"
        self.sent: tuple[Pair, ...] = tuple(context.invocation_metadata() or ())
        texts = [(key, value) for key, value in self.sent if isinstance(value, str)]
        self.texts: Mapping[str, str] = dict(texts)
        self._peer = ip_of(context.peer())
        self._said = said_of_client(lambda name: (value for key, value in texts if key == name))
        self.correlation = (
            headers.well_formed_id(self.texts.get(headers.CORRELATION_ID))
            or headers.well_formed_id(self.texts.get(headers.REQUEST_ID))
            or new_id()
        )

    async def enter(self) -> None:
        """Before anything is read. Raises Unauthenticated, Unavailable, ResourceExhausted."""
        address = self._shared.addresses.client(self._peer, self._said)
        if self._method.rule.public:
            self._stranger = self._shared.admission.stranger(address)
        try:
            await self._shared.callers.check(self._method, self.texts, address, self.correlation)
        except Error:
            # Nobody stood behind it, so that it goes no further.
            self._counted = True
            raise

    async def read(self, seconds: float | None) -> bytes:
        """The call's only message. seconds: where the call has no deadline of its own."""
        admission = self._shared.admission
        body = await (self._stranger.read(self._context) if self._stranger else admission.read(self._context, seconds))
        self._held = len(body)
        return body

    async def messages(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The messages of a stream, each held until the next one is asked for."""
        async for message in requests:
            try:
                self._shared.admission.hold(len(message))
            except Error as error:
                await self.fail(of_error(error))
            self._held = len(message)
            yield message
            self._release()

    def metadata(self, carrier: Mapping[str, str]) -> list[Pair]:
        """What goes along to the service. carrier: of our own trace, which is the parent there."""
        own = {**carrier, headers.CORRELATION_ID: self.correlation}
        passed = [(key, value) for key, value in to_service(self.sent) if key not in own]
        return [*passed, *self._shared.addresses.headers(self._peer, self._said), *own.items()]

    async def fail(self, failure: Failure) -> NoReturn:
        """End the call with this status."""
        self.code = failure.code.name
        trailers = failure.trailers
        if not any(key == headers.CORRELATION_ID for key, _ in trailers):
            trailers = (*trailers, (headers.CORRELATION_ID, self.correlation))
        await self._context.abort(failure.code, failure.message, trailers)
        raise AssertionError("abort returns never")

    def failed(self, failure: BaseException) -> Error | None:
        """What is answered for what was raised here; None for the end of a call that its caller or `fail` made."""
        if isinstance(failure, Error):
            return failure
        if isinstance(failure, asyncio.CancelledError):
            remaining = self._context.time_remaining()
            self.code = _LATE if remaining is not None and remaining <= _TOLERANCE else _CANCELLED
            return None
        if self.code != "OK" or not isinstance(failure, Exception):
            return None
        if isinstance(failure, TimeoutError):
            return DeadlineExceeded("the deadline passed")
        _log.exception("a call could not be passed on", failure, method=self._method.path)
        return Internal("internal error")

    def leave(self) -> None:
        """Whatever the end was."""
        self._release()
        if self._stranger is not None:
            self._stranger.leave()
        seconds = time.monotonic() - self._started
        if self._counted:
            self._shared.metrics.observe(self._method.path[1:], self.code, seconds)
        if self._shared.access_log:
            _access.info(
                "grpc call",
                method=self._method.path,
                code=self.code,
                milliseconds=round(seconds * 1_000, 2),
                call_correlation_id=self.correlation,
            )

    def _release(self) -> None:
        self._shared.admission.release(self._held)
        self._held = 0
