"""What one caller may have of the gateway's HTTP, where a request costs more than the call that it becomes."""

from dataclasses import dataclass, field

from fp_kernel import Principal
from fp_rpc.server.principal_limits import PrincipalLimits, Standing
from starlette.types import Scope

from fp_gateway.methods import Method

_KEY = "fp.share"


@dataclass(slots=True)
class _Share:
    """Of one request. single: those that count in the crowd."""

    standings: list[Standing] = field(default_factory=list)
    single: int = 0


class Shares:
    """Streams of events are no crowd: they wait, and their number is bounded where they begin."""

    def __init__(self, limits: PrincipalLimits) -> None:
        self._limits = limits
        self._single = 0

    def enter(self, scope: Scope, principal: Principal, method: Method) -> None:
        """Until `leave`. Raises ResourceExhausted with a retry delay."""
        share = scope.setdefault(_KEY, _Share())
        single = 0 if method.server_streaming else 1
        standing = self._limits.enter(principal, method.rule, self._single + single)
        self._single += single
        share.single += single
        if standing is not None:
            share.standings.append(standing)

    def leave(self, scope: Scope) -> None:
        """At the end of a request, whether it entered or not."""
        share = scope.pop(_KEY, None)
        if share is not None:
            self._single -= share.single
            for standing in share.standings:
                standing.calls -= 1
