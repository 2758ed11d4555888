"""What every outgoing call carries, and how it ends."""

import time
from collections.abc import Sequence
from typing import Any, Final

import grpc
from fp_kernel import DeadlineExceeded, Error, Unavailable
from fp_telemetry import Metrics, begin, correlation_id, end, get_logger, inject_span, names
from opentelemetry.trace import Span, SpanKind

from fp_rpc import acting, headers, teams
from fp_rpc.call import call_or_none
from fp_rpc.credentials import Credential
from fp_rpc.errors import from_rpc_error, refuses_bearer
from fp_rpc.red import Red

_log = get_logger("fp_rpc.channels")
Pairs = list[tuple[str, str]]
_RPC: Final = {"rpc.system.name": "grpc"}


class Sent:
    """Metrics of outgoing calls."""

    def __init__(self, metrics: Metrics) -> None:
        self.red = Red.of(metrics, client=True)
        self.retries = metrics.counter(names.GRPC_CLIENT_RETRIES, "Calls that were tried again.", ("method",))


class Outgoing:
    """What the calls of one channel share. timeout: seconds for calls with one request. stream_timeout: for others."""

    def __init__(
        self,
        credential: Credential | None,
        *,
        timeout: float,
        stream_timeout: float,
        margin: float,
        sent: Sent | None,
    ) -> None:
        self.credential = credential
        self._timeout = timeout
        self._stream_timeout = stream_timeout
        self._margin = margin
        self._sent = sent

    def begin(self, method: str, timeout: float | None, *, streams: bool) -> "Trip":
        """Raises DeadlineExceeded when the incoming call has no time left."""
        seconds = timeout if timeout is not None else self._stream_timeout if streams else self._timeout
        call = call_or_none()
        if call is not None:
            seconds = min(seconds, call.remaining() - self._margin)
        if seconds <= 0.0:
            raise DeadlineExceeded("no time is left for a call to a peer")
        return Trip(self, method, seconds, self._sent)

    async def metadata(self, own: Sequence[tuple[str, Any]] | None, span: Span | None) -> tuple[Pairs, str]:
        """Headers of a call and the token among them; what the caller gives by itself is kept."""
        pairs: Pairs = list(own or ())
        given = {key for key, _ in pairs}
        token = ""
        if self.credential is not None and headers.AUTHORIZATION not in given:
            token = await self.credential.token()
            if token:
                pairs.append((headers.AUTHORIZATION, f"Bearer {token}"))
            if self.credential.acts_for_others and headers.TEAM not in given:
                pairs.extend(teams.headers_of(*acting.present()))
        correlation = correlation_id.get()
        if correlation and headers.CORRELATION_ID not in given:
            pairs.append((headers.CORRELATION_ID, correlation))
        carrier: dict[str, str] = {}
        inject_span(span, carrier)
        pairs.extend((key, value) for key, value in carrier.items() if key not in given)
        return pairs, token


class Trip:
    """One outgoing call: its deadline, span and end."""

    def __init__(self, outgoing: Outgoing, method: str, seconds: float, sent: Sent | None) -> None:
        self.outgoing = outgoing
        self.method = method
        self._sent = sent
        self._started = time.monotonic()
        self._deadline = self._started + seconds
        self.span = begin(method[1:], kind=SpanKind.CLIENT, attributes={**_RPC, "rpc.method": method[1:]})

    def remaining(self) -> float:
        return self._deadline - time.monotonic()

    def translate(self, failure: grpc.aio.AioRpcError, token: str) -> Error:
        """The peer's error; that it refused this service's own token is nothing the caller could mend."""
        error = from_rpc_error(failure)
        credential = self.outgoing.credential
        if refuses_bearer(error) and token and credential is not None and credential.acts_for_others:
            _log.error("a peer refused the token of this service", method=self.method, reason=error.reason)
            return Unavailable("a peer is unavailable", reason="SERVICE_TOKEN_REFUSED", retry_after=1.0)
        return error

    def another_token(self, failure: grpc.aio.AioRpcError, token: str) -> bool:
        """Whether the call was refused for its token and another one may be had; nothing was done then."""
        credential = self.outgoing.credential
        return (
            bool(token)
            and refuses_bearer(from_rpc_error(failure))
            and credential is not None
            and credential.refused(token)
        )

    def retried(self) -> None:
        if self._sent is not None:
            self._sent.retries.labels(self.method[1:]).inc()

    def end(self, code: str = "OK", failure: BaseException | None = None) -> None:
        """Count and trace the end."""
        if self._sent is not None:
            self._sent.red.observe(self.method[1:], code, time.monotonic() - self._started)
        if self.span is not None:
            failed = "" if code == "OK" else code
            end(self.span, failed=failed, cause=failure, attributes={"rpc.response.status_code": code})
