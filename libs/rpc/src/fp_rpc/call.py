"""The call that is being handled."""

import math
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from fp_kernel import PermissionDenied, Principal, Unauthenticated, new_id
from fp_telemetry.context import scope

from fp_rpc import headers
from fp_rpc.access import AccessRule


class Call:
    """What a handler may know of its call besides the request.

    method: full name, for example `/forgepoint.auth.v1.AuthService/Login`.
    principal: None where the method is public, whatever credential came.
    deadline: on the monotonic clock; infinite for a stream whose caller set none.
    metadata: the incoming headers; of a repeated one the last.
    over: whether its end was told; a task that it started and that still runs then acts for nobody.
    """

    # Made for every call: ids and the peer are only worked out for those who ask.
    __slots__ = (
        "_peer",
        "_request_id",
        "correlation_id",
        "deadline",
        "metadata",
        "method",
        "over",
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
    ) -> None:
        self.method = method
        self.rule = rule
        self.principal = principal
        self.correlation_id = correlation_id
        self.deadline = deadline
        self.metadata = metadata
        self.over = False
        self._request_id = request_id
        self._peer = peer

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
        """Whether the call may name another team: an admin or a service acting for nobody, where the RPC allows it."""
        if not self.rule.cross_team or self.principal is None:
            return False
        return self.principal.is_admin or (self.principal.is_service and not self.principal.team)

    def team_scope(self, requested: str) -> str:
        """The team that the call works on: the requested one where that is allowed, the own one when none is requested.

        Raises PermissionDenied when another team is requested without the right to.
        """
        if not requested or requested == self.team:
            return self.team
        if self.may_cross_team:
            return requested
        raise PermissionDenied("another team's data is out of reach", reason="CROSS_TEAM")


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
