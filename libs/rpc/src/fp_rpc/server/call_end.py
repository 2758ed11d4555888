"""How a call ends: answered, replayed, failed or cancelled; its status, metrics, trace and audit record."""

import asyncio
import time
from typing import Any, Final

import grpc
from fp_kernel import (
    Cancelled,
    DeadlineExceeded,
    Error,
    Internal,
    Kind,
    PermissionDenied,
    Replayed,
    Unavailable,
    Unimplemented,
)
from fp_kernel.audit import DENIED, AuditRecord
from fp_telemetry import end, get_logger

from fp_rpc import headers
from fp_rpc.addresses import without_port
from fp_rpc.audit.client_address import ClientAddresses
from fp_rpc.audit.queue import AuditQueue
from fp_rpc.audit.records import AuditLevel
from fp_rpc.call_metrics import CallMetrics
from fp_rpc.errors import INTERNAL_MESSAGE, to_status
from fp_rpc.identity.caller import of_bearer
from fp_rpc.identity.withdrawals import identity_ended
from fp_rpc.retries import pushback
from fp_rpc.server.incoming_call import Call, IncomingCall

_log = get_logger("fp_rpc.server")
_LARGEST_DENIED_BODY: Final = 64 * 1024
_DENIED_BODY_SECONDS: Final = 0.5
# Codes that OpenTelemetry's conventions for RPC spans count as errors of the server.
_FAULTS: Final = frozenset(
    kind.value for kind in (Kind.INTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.UNIMPLEMENTED)
)
# A cancellation by the deadline may arrive a little before the deadline by this process's clock.
_TOLERANCE: Final = 0.01
# Seconds that a call may have been on its way, and the part of its time that they may be at most.
_ON_THE_WAY: Final = 0.1
_ON_THE_WAY_SHARE: Final = 0.25
_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class CallEnd:
    """Ends a call: its status and trailers, metrics, span and audit record."""

    def __init__(self, metrics: CallMetrics, audit: AuditQueue, addresses: ClientAddresses) -> None:
        self._metrics = metrics
        self._audit = audit
        self._addresses = addresses

    async def failed(self, call: IncomingCall, failure: BaseException, context: Any) -> Any:
        """Answer the stored response of a replay, or end the call with a status; raises what ends the task."""
        if isinstance(failure, Replayed):
            return await self._replayed(call, failure, context)
        if isinstance(failure, grpc.aio.AbortError):
            # A handler that relays calls has ended this one with the status of the service behind it.
            self.done(call, _CODES.get(_number(context.code()), "UNKNOWN"))
            raise failure
        error = _error_of(call, failure)
        if error is None:
            cause = _cancellation(call) if isinstance(failure, asyncio.CancelledError) else Internal(INTERNAL_MESSAGE)
            self.done(call, cause.kind.value, failure)
            raise failure
        self._log(call, error, failure)
        if isinstance(error, PermissionDenied) and call.request is None:
            await _read_denied(call, context)
        if error.kind.value in DENIED and call.rpc.rule.audit is not AuditLevel.NEVER:
            call.client_address = call.client_address or await self._addresses.find(call.metadata)
        self.done(call, error.kind.value, failure)
        code, message, status = to_status(error)
        trailers = [
            *(context.trailing_metadata() or ()),
            (headers.STATUS_DETAILS, status),
            (headers.CORRELATION_ID, call.correlation_id),
        ]
        if error.kind is Kind.UNAVAILABLE:
            trailers.append((headers.PUSHBACK, pushback(error, call.remaining())))
        return await context.abort(code, message, tuple(trailers))

    def done(self, call: IncomingCall, code: str, failure: BaseException | None = None) -> None:
        """Count, trace and audit the end of a call."""
        call.ended = True
        self._metrics.observe(call.rpc.label, code, time.monotonic() - call.started)
        if call.span is not None:
            fault = code in _FAULTS
            end(
                call.span,
                failed=code if fault else "",
                cause=failure if fault else None,
                attributes={"rpc.response.status_code": code},
            )
        level = call.rpc.rule.audit
        if level is AuditLevel.ALWAYS or (code in DENIED and level is AuditLevel.ON_DENY):
            self._audit.add(record_of(call, code, call.rpc.resource_of(call.request)))

    async def _replayed(self, call: IncomingCall, replayed: Replayed, context: Any) -> bytes | None:
        # The handler may have set trailers before it found the replay, such as the position of its write.
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), (headers.REPLAYED, "true")))
        answer: bytes | None = replayed.response
        if call.rpc.streams_responses:
            await context.write(replayed.response)
            answer = None
        self.done(call, "OK")
        return answer

    def _log(self, call: IncomingCall, error: Error, failure: BaseException) -> None:
        if error.kind is Kind.INTERNAL:
            _log.exception("call failed", failure, method=call.rpc.label)
        elif error.__cause__ is not None and error.kind in (Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED):
            # The text of a peer or a store may hold addresses: it goes to the log, not to the caller.
            _log.warning(
                "call failed", method=call.rpc.label, code=error.kind.value, cause=repr(error.__cause__)[:1_000]
            )


def _error_of(call: IncomingCall, failure: BaseException) -> Error | None:
    """The error that is answered; None when the call was cancelled and nobody waits for an answer."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        # The error of a handler that uses a task group.
        failure = failure.exceptions[0]
    if isinstance(failure, Error):
        return failure
    if isinstance(failure, NotImplementedError):
        return Unimplemented("this method is not implemented")
    if isinstance(failure, TimeoutError) and call.remaining() <= _TOLERANCE:
        return DeadlineExceeded("the deadline passed")
    if isinstance(failure, Exception):
        return Internal(INTERNAL_MESSAGE)
    return _error_of_cancelled(call, failure)


def _error_of_cancelled(call: IncomingCall, failure: BaseException) -> Error | None:
    if call.withdrawn:
        return of_bearer(identity_ended())
    if call.draining:
        return Unavailable("the server is going away", reason="DRAINING", retry_after=0.0)
    task = asyncio.current_task()
    if isinstance(failure, asyncio.CancelledError) and not (task is not None and task.cancelling()):
        # Nobody cancelled this call: a future that the handler shared with others was cancelled, or a channel was
        # closed under it. The core would send no status at all then, and the caller would wait for ever.
        return Internal(INTERNAL_MESSAGE)
    return None


def _cancellation(call: IncomingCall) -> Error:
    """Why the transport cancelled the call.

    At its deadline a client resets the call, by its own clock: ours began when the headers were read.
    """
    late = call.remaining() <= max(_TOLERANCE, min(_ON_THE_WAY, (call.deadline - call.started) * _ON_THE_WAY_SHARE))
    return DeadlineExceeded("the deadline passed") if late else Cancelled("the call was cancelled")


def record_of(call: Call, code: str, resource_id: str) -> AuditRecord:
    """How a call ended, for the audit."""
    principal = call.identified or call.principal
    return AuditRecord(
        method=call.method,
        status=code,
        actor_id=principal.user_id if principal else "",
        actor_role=principal.role if principal else "",
        api_key_id=principal.api_key_id if principal else "",
        team=principal.team if principal else "",
        resource_id=resource_id,
        peer=call.client_address or without_port(call.peer),
        correlation_id=call.correlation_id,
    )


async def _read_denied(call: IncomingCall, context: Any) -> None:
    """Read the body of a known caller's refused call, so that the audit record names the resource.

    A stream stays unread, and so does a body that is big, malformed or late.
    """
    if call.rpc.streams_requests or call.rpc.rule.audit is AuditLevel.NEVER:
        return
    try:
        async with asyncio.timeout(_DENIED_BODY_SECONDS):
            raw = await context.read()
        if raw is not grpc.aio.EOF and len(raw) <= _LARGEST_DENIED_BODY:
            call.request = call.rpc.parse(raw)
    except (Error, TimeoutError):
        call.request = None


def _number(code: Any) -> Any:
    return code.value[0] if isinstance(code, grpc.StatusCode) else code
