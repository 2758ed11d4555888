"""The context of an outgoing call: deadline, headers, span, and its end."""

import time
from collections.abc import Collection
from functools import lru_cache
from typing import Final

import grpc
from fp_kernel import DeadlineExceeded, Error, Internal, Kind, Unavailable
from fp_telemetry import begin, end, get_logger, tracing
from opentelemetry.trace import Span, SpanKind

from fp_rpc.call_metrics import CallMetrics
from fp_rpc.client.call_headers import CallHeaders, Own, Packed
from fp_rpc.client.credentials import Credential
from fp_rpc.errors import INTERNAL_MESSAGE, from_rpc_error
from fp_rpc.identity.caller import refuses_bearer
from fp_rpc.server.incoming_call import call_or_none

_log = get_logger("fp_rpc.channels")
# A peer may report the deadline a little before it has passed here.
_TOLERANCE: Final = 0.1
TOKEN_REFUSED: Final = "SERVICE_TOKEN_REFUSED"  # noqa: S105 -- a reason, no token
# With these a peer blames the service that called it, not that service's own caller, unless the channel passes them on.
_BLAME: Final = frozenset((Kind.INVALID_ARGUMENT, Kind.PERMISSION_DENIED, Kind.UNIMPLEMENTED, Kind.DEADLINE_EXCEEDED))


class ChannelContext:
    """What the calls of one channel share. timeout: seconds for calls with one request. stream_timeout: for others."""

    def __init__(
        self,
        credential: Credential | None,
        *,
        timeout: float,
        stream_timeout: float,
        margin: float,
        metrics: CallMetrics | None,
        passing: Collection[type[Error]] = frozenset(),
    ) -> None:
        self.credential = credential
        self._headers = CallHeaders(acts_for_others=credential is not None and credential.acts_for_others)
        self._blame = _BLAME - {cls.kind for cls in passing}
        self._timeout = timeout
        self._stream_timeout = stream_timeout
        self._margin = margin
        self._metrics = metrics

    @property
    def acts_for_others(self) -> bool:
        """Whether calls also say for which team they are made."""
        return self.credential is not None and self.credential.acts_for_others

    def begin(self, method: str, timeout: float | None, *, streams: bool) -> "CallContext":
        """Raises DeadlineExceeded when the incoming call has no time left."""
        seconds = timeout if timeout is not None else self._stream_timeout if streams else self._timeout
        bounded = False
        if (call := call_or_none()) is not None and not call.ended:
            left = call.remaining() - self._margin
            if bounded := left <= seconds:
                seconds = left
        if seconds <= 0.0:
            raise DeadlineExceeded("no time is left for a call to a peer")
        return CallContext(self, method, seconds, self._metrics, bounded)

    def for_own_caller(self, error: Error, method: str, *, late: bool) -> Error:
        """The error for this service's own caller, where the peer's blames this service.

        late: the deadline of the call that is being handled has passed, so that the error is the caller's own.
        """
        if error.kind not in self._blame or (error.kind is Kind.DEADLINE_EXCEEDED and late):
            return error
        _log.error("a peer refused a call of this service", method=method, kind=error.kind.value, cause=error.message)
        if error.kind is Kind.DEADLINE_EXCEEDED:
            return Unavailable("a peer did not answer in time")
        if error.kind is Kind.UNIMPLEMENTED:
            # The peer is a version behind while both are being rolled out.
            return Unavailable("a peer is unavailable")
        return Internal(INTERNAL_MESSAGE)

    def metadata_now(self, own: Own, span: Span | None) -> tuple[Packed, str] | None:
        """As `metadata`, where the token is there; None where it must be waited for."""
        credential = self.credential
        token = credential.ready() if credential is not None and not (own and self._headers.proven(own)) else ""
        return None if token is None else (self._headers.of(own, token, span), token)

    async def metadata(self, own: Own, span: Span | None) -> tuple[Packed, str]:
        """Headers of a call, and the token among them; headers that the caller gave stay as they are."""
        credential = self.credential
        token = await credential.token() if credential is not None and not (own and self._headers.proven(own)) else ""
        return self._headers.of(own, token, span), token


@lru_cache(maxsize=1_024)
def _attributes(method: str) -> dict[str, str]:
    return {"rpc.system.name": "grpc", "rpc.method": method[1:]}


class CallContext:
    """One outgoing call: its deadline, span and end.

    seconds: from its beginning to its deadline. bounded_by_caller: that is the deadline of the call being handled.
    """

    __slots__ = ("_bounded_by_caller", "_metrics", "_started", "channel", "method", "seconds", "span")

    def __init__(
        self,
        channel: ChannelContext,
        method: str,
        seconds: float,
        metrics: CallMetrics | None,
        bounded_by_caller: bool,  # noqa: FBT001 -- made for every call
    ) -> None:
        self.channel = channel
        self.method = method
        self._metrics = metrics
        self._bounded_by_caller = bounded_by_caller
        self._started = time.monotonic()
        self.seconds = seconds
        self.span = begin(method[1:], kind=SpanKind.CLIENT, attributes=_attributes(method)) if tracing() else None

    def remaining(self) -> float:
        return self._started + self.seconds - time.monotonic()

    def translate(self, failure: grpc.aio.AioRpcError, token: str) -> Error:
        """The error of a failed call as this process may raise it; see `own`."""
        return self.own(from_rpc_error(failure), token)

    def own(self, error: Error, token: str) -> Error:
        """The peer's error as this process may raise it.

        In a service, a peer that refused the service's token or call, or took too long, is nothing that the service's
        caller could mend: the error becomes the service's own. A `retry_after` is dropped unless the call that is being
        handled may be sent twice: the service may have changed something before it called the peer.
        """
        if not self.channel.acts_for_others:
            return error
        call = call_or_none()
        if refuses_bearer(error) and token:
            _log.error("a peer refused the token of this service", method=self.method, reason=error.reason)
            error = Unavailable("a peer is unavailable", reason=TOKEN_REFUSED, retry_after=1.0)
        else:
            error = self.channel.for_own_caller(
                error, self.method, late=self._bounded_by_caller and self.remaining() <= _TOLERANCE
            )
        if call is not None and not call.repeatable:
            error.retry_after = None
        return error

    def unprepared(self) -> Error:
        """The error when the time ran out before the call had a token and a connection."""
        if self._bounded_by_caller:
            return DeadlineExceeded("the deadline passed")
        return Unavailable("a peer is unavailable", reason="NO_SERVICE_TOKEN")

    def another_token(self, failure: grpc.aio.AioRpcError, token: str) -> bool:
        """Whether the call was refused for its token and another one may be had; nothing was done then."""
        credential = self.channel.credential
        return (
            bool(token)
            and refuses_bearer(from_rpc_error(failure))
            and credential is not None
            and credential.refused(token)
        )

    def end(self, code: str = "OK", failure: BaseException | None = None) -> None:
        """Count and trace the end."""
        if self._metrics is not None:
            self._metrics.observe(self.method[1:], code, time.monotonic() - self._started)
        if self.span is not None:
            failed = "" if code == "OK" else code
            end(self.span, failed=failed, cause=failure, attributes={"rpc.response.status_code": code})
