"""The call that is being handled: what its handler may know of it, and what the server needs to end it."""

from __future__ import annotations

import math
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fp_kernel import PermissionDenied, Principal, Unauthenticated, invalid, new_id
from fp_telemetry.context import scope

from fp_rpc import headers
from fp_rpc.idempotency import key_in_body
from fp_rpc.tls.names import noun_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.trace import Span

    from fp_rpc.access import AccessRule
    from fp_rpc.server.method import Method
    from fp_rpc.server.principal_limits import Standing


class Call:
    """What a handler may know of its call besides the request.

    method: full name, for example `/forgepoint.auth.v1.AuthService/Login`.
    principal: None where the method is public, whatever credential came.
    deadline: on the monotonic clock; infinite for a stream whose caller set none.
    metadata: the incoming headers; of a repeated one the last.
    noun: of the certificate of the connection, which may be the gateway's or the edge's; empty where there is none.
    client_address: of a client behind the gateway, which proved that it is the gateway; empty for a connection of the
    client's own, and where the audit does not record every call. See `audit.client_address`.
    ended: whether its status is decided; a task that it started and that still runs then acts for nobody.
    identified: see `identify`.
    """

    # Made for every call, so that ids and the peer are worked out only when they are read.
    __slots__ = (
        "_names",
        "_peer",
        "_request_id",
        "client_address",
        "correlation_id",
        "deadline",
        "ended",
        "identified",
        "metadata",
        "method",
        "principal",
        "rule",
    )

    def __init__(
        self,
        method: str,
        rule: AccessRule,
        principal: Principal | None = None,
        *,
        correlation_id: str = "",
        request_id: str = "",
        peer: str | Callable[[], str] = "",
        deadline: float = math.inf,
        metadata: Mapping[str, str] = MappingProxyType({}),
        names: Callable[[], Iterable[bytes] | None] = lambda: None,
    ) -> None:
        self.method = method
        self.rule = rule
        self.principal = principal
        self.correlation_id = correlation_id
        self.deadline = deadline
        self.metadata = metadata
        self.client_address = ""
        self.ended = False
        self.identified: Principal | None = None
        self._request_id = request_id
        self._peer = peer
        self._names = names

    @property
    def noun(self) -> str:
        return noun_of(self._names())

    @property
    def request_id(self) -> str:
        """The id that the caller gave this call, else a new one."""
        if not self._request_id:
            self._request_id = new_id()
        return self._request_id

    @property
    def peer(self) -> str:
        """Where the call came from, as gRPC writes it, for example `ipv4:10.0.0.7:51022`."""
        if not isinstance(self._peer, str):
            self._peer = self._peer()
        return self._peer

    def identify(self, principal: Principal) -> None:
        """Say who the caller of a public method proved to be, for the audit record of this call and nothing else."""
        self.identified = principal

    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def repeatable(self) -> bool:
        """Whether the caller may send this call again without doing more: it only reads, or it carries a key."""
        return self.rule.permission.endswith(":read") or bool(self.metadata.get(headers.IDEMPOTENCY_KEY))

    @property
    def team(self) -> str:
        """The tenant whose data the call may see; empty for a public call and a service that acts for nobody."""
        return self.principal.team if self.principal else ""

    @property
    def may_cross_team(self) -> bool:
        """Whether the call may name another team: an operator, or a service acting for nobody, where the RPC allows."""
        if not self.rule.cross_team or self.principal is None:
            return False
        return self.principal.is_operator or (self.principal.is_service and not self.principal.team)

    def team_scope(self, requested: str) -> str:
        """The team that the call works on: the requested one where that is allowed, the own one when none is requested.

        Raises PermissionDenied when another team is requested without the right to.
        """
        if not requested or requested == self.team:
            return self.team
        if self.may_cross_team:
            return requested
        raise PermissionDenied("another team's data is out of reach", reason="CROSS_TEAM")


class IncomingCall(Call):
    """The call with what the server needs to end it.

    request: set once the body was read. body_bytes: what counts as held for it.
    standing: of its caller; see `PrincipalLimits`.
    draining, withdrawn: why the server itself cancels the call's task. writing: whether an answer is being sent.
    """

    __slots__ = (
        "body_bytes",
        "draining",
        "request",
        "rpc",
        "span",
        "standing",
        "started",
        "task",
        "unbounded",
        "withdrawn",
        "writing",
    )

    def __init__(self, rpc: Method, context: Any, default_deadline: float) -> None:
        """As `Call`, whose attributes are set here: this is made for every call, and few of them are read."""
        metadata: dict[str, str] = dict(context.invocation_metadata())
        remaining = context.time_remaining()
        self.rpc = rpc
        self.method = rpc.path
        self.rule = rpc.rule
        self.metadata = metadata
        self.started = time.monotonic()
        # gRPC ends calls at their caller's deadline; a call without one gets a timer here.
        self.unbounded = remaining is None
        self.deadline = self.started + (default_deadline if remaining is None else remaining)
        self.principal = self.identified = None
        self.request: Any = None
        self.body_bytes = 0
        self.standing: Standing | None = None
        self.span: Span | None = None
        self.task: asyncio.Task[Any] | None = None
        self.client_address = ""
        self.draining = self.withdrawn = self.writing = self.ended = False
        self._peer = context.peer
        self._names = context.peer_identities
        self._request_id = headers.well_formed_id(metadata.get(headers.REQUEST_ID))
        self.correlation_id = headers.well_formed_id(metadata.get(headers.CORRELATION_ID)) or self.request_id
        enter(self)

    @property
    def repeatable(self) -> bool:
        return super().repeatable or (hasattr(self.request, "DESCRIPTOR") and bool(key_in_body(self.request)))


def enter(call: Call) -> None:
    """Make this the current call of the running task; never undone, since each RPC has its own task."""
    scope.set(call)


def call_or_none() -> Call | None:
    present = scope.get()
    return present if isinstance(present, Call) else None


def current_call() -> Call:
    """The call that is being handled.

    Raises LookupError outside a handler.
    """
    call = call_or_none()
    if call is None:
        raise LookupError("no call is being handled")
    return call


def principal() -> Principal:
    """The caller of the current call.

    Raises Unauthenticated when the call is public and carries no credential.
    """
    found = current_call().principal
    if found is None:
        raise Unauthenticated("a bearer credential is required", reason="CREDENTIAL_MISSING")
    return found


def caller() -> Principal:
    """The caller of the current call, and the team that he acts for.

    Raises Unauthenticated as `principal` does, InvalidArgument for a service that does not say for which team it acts.
    """
    found = principal()
    if not found.team:
        raise invalid(headers.TEAM, "must name the team for which the service acts")
    return found
