"""How a call ends: replayed, failed, cancelled or well; told to the caller, the metrics, the trace and the audit."""

import asyncio
import time
from typing import Any, Final

import grpc
from fp_kernel import Error, Internal, Kind, PermissionDenied, Replayed
from fp_telemetry import end, get_logger

from fp_rpc import headers
from fp_rpc.audit import AuditLevel, AuditRecord
from fp_rpc.audit_trail import DENIED, AuditTrail
from fp_rpc.errors import INTERNAL_MESSAGE, to_status
from fp_rpc.origins import Origins, host_of
from fp_rpc.red import Red
from fp_rpc.retries import pushback
from fp_rpc.visit import Visit

_log = get_logger("fp_rpc.server")
_LARGEST_DENIED_BODY: Final = 64 * 1024
_DENIED_BODY_SECONDS: Final = 0.5
# The codes that are a server's fault, by OpenTelemetry's conventions for RPC spans.
_FAULTS: Final = frozenset(
    kind.value for kind in (Kind.INTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.UNIMPLEMENTED)
)
_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class Endings:
    def __init__(self, red: Red, trail: AuditTrail, origins: Origins) -> None:
        self._red = red
        self._trail = trail
        self._origins = origins

    async def failed(self, visit: Visit, failure: BaseException, context: Any) -> Any:
        """Answer the stored response of a replay, or end the call with a status; raises what ends the task."""
        if isinstance(failure, Replayed):
            return await self._replayed(visit, failure, context)
        if isinstance(failure, grpc.aio.AbortError):
            # A relay ended the call with the status of the service behind it.
            self.done(visit, _CODES.get(_number(context.code()), "UNKNOWN"))
            raise failure
        error = visit.error_of(failure)
        if error is None:
            ending = visit.ending() if isinstance(failure, asyncio.CancelledError) else Internal(INTERNAL_MESSAGE)
            self.done(visit, ending.kind.value, failure)
            raise failure
        self._log(visit, error, failure)
        if isinstance(error, PermissionDenied) and visit.request is None:
            await _read_denied(visit, context)
        if error.kind.value in DENIED and visit.rpc.rule.audit is not AuditLevel.NEVER:
            await self._origins.find(visit)
        self.done(visit, error.kind.value, failure)
        code, message, status = to_status(error)
        trailers = [
            *(context.trailing_metadata() or ()),
            (headers.STATUS_DETAILS, status),
            (headers.CORRELATION_ID, visit.correlation_id),
        ]
        if error.kind is Kind.UNAVAILABLE:
            trailers.append((headers.PUSHBACK, pushback(error, visit.remaining())))
        return await context.abort(code, message, tuple(trailers))

    def done(self, visit: Visit, code: str, failure: BaseException | None = None) -> None:
        """Count, trace and audit the end of a call."""
        visit.over = True
        self._red.observe(visit.rpc.label, code, time.monotonic() - visit.started)
        if visit.span is not None:
            fault = code in _FAULTS
            end(
                visit.span,
                failed=code if fault else "",
                cause=failure if fault else None,
                attributes={"rpc.response.status_code": code},
            )
        level = visit.rpc.rule.audit
        if level is AuditLevel.ALWAYS or (code in DENIED and level is AuditLevel.ON_DENY):
            self._trail.keep(_record(visit, code))

    async def _replayed(self, visit: Visit, replayed: Replayed, context: Any) -> bytes | None:
        # The handler may have told something before it found the replay, such as the position of its write.
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), (headers.REPLAYED, "true")))
        answer: bytes | None = replayed.response
        if visit.rpc.streams_responses:
            await context.write(replayed.response)
            answer = None
        self.done(visit, "OK")
        return answer

    def _log(self, visit: Visit, error: Error, failure: BaseException) -> None:
        if error.kind is Kind.INTERNAL:
            _log.exception("call failed", failure, method=visit.rpc.label)
        elif error.__cause__ is not None and error.kind in (Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED):
            # What a peer or a store said is not for the caller, but the operator needs it.
            _log.warning(
                "call failed", method=visit.rpc.label, code=error.kind.value, cause=repr(error.__cause__)[:1_000]
            )


def _record(visit: Visit, code: str) -> AuditRecord:
    principal = visit.principal
    return AuditRecord(
        method=visit.method,
        status=code,
        actor_id=principal.user_id if principal else "",
        actor_role=principal.role if principal else "",
        api_key_id=principal.api_key_id if principal else "",
        team=principal.team if principal else "",
        resource_id=visit.rpc.resource_of(visit.request),
        peer=visit.origin or host_of(visit.peer),
        correlation_id=visit.correlation_id,
    )


async def _read_denied(visit: Visit, context: Any) -> None:
    """Read the body of a call of a known caller that is refused, so that the audit says what it was about.

    A stream, a big body, a bad one, and one that is not there yet stay unread.
    """
    if visit.rpc.streams_requests or visit.rpc.rule.audit is AuditLevel.NEVER:
        return
    try:
        async with asyncio.timeout(_DENIED_BODY_SECONDS):
            raw = await context.read()
        if isinstance(raw, bytes) and len(raw) <= _LARGEST_DENIED_BODY:
            visit.request = visit.rpc.parse(raw)
    except (Error, TimeoutError):
        visit.request = None


def _number(code: Any) -> Any:
    return code.value[0] if isinstance(code, grpc.StatusCode) else code
