"""How much of a service one proven caller may have, so that the others get theirs."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from fp_kernel import Principal, ResourceExhausted
from fp_kernel.bucket import Bucket, Limit
from fp_kernel.identity import SERVICE_ROLE
from fp_telemetry import Metrics, names

from fp_rpc.access import AccessRule

# Of callers, and of teams, the ones seen last.
_MOST: Final = 10_000
_BURST_SECONDS: Final = 2
# What a change costs in reads: a transaction, an event, often an audit record.
_CHANGE: Final = 5
# Callers of a team that are served in full at once: nobody gets more by making himself more keys.
_TEAM: Final = 4
# A caller earns the next token within milliseconds, and would be back at once.
_SHORTEST_RETRY: Final = 0.1
# Actions that are no change: what a prediction costs is limited where it is made.
_PLAIN: Final = frozenset(("read", "create"))
_TEXTS: Final = {
    "calls": "the caller has {limit:g} calls under way",
    "rate": "the service is busy, and the caller has his {limit:g} calls a second of it",
    "team": "the service is busy, and the team has its {limit:g} calls a second of it",
}

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class PrincipalLimit:
    """Of one process. rate: tokens a second that a caller has whatever others do, and two seconds of them saved; a
    change takes five, any other call one. A team has four times as much.
    crowd: single calls of all callers under way from which on each is held to his rate; 0 for always.
    calls: that one caller may have under way, streams among them.
    """

    rate: float = 500.0
    crowd: int = 256
    calls: int = 1_000


class Standing:
    """Of one caller. calls: under way."""

    __slots__ = ("bucket", "calls")

    def __init__(self) -> None:
        self.calls = 0
        self.bucket: Bucket | None = None


class PrincipalLimits:
    """A caller is an API key, else a job, else whoever logged in. Services of the platform are no callers here: they
    ask for those whom another service has let in, within bounds of their own.

    Who is held to his rate only in a crowd leaves nothing idle, and what he can take of a service that has room is
    bounded by the crowd. now: monotonic seconds.
    """

    def __init__(self, limit: PrincipalLimit, metrics: Metrics, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._own = Limit(limit.rate, max(1, int(limit.rate * _BURST_SECONDS)))
        self._team = Limit(limit.rate * _TEAM, self._own.burst * _TEAM)
        self._now = now
        self._standings: OrderedDict[str, Standing] = OrderedDict()
        self._teams: OrderedDict[str, Bucket] = OrderedDict()
        self._refused = metrics.counter(
            names.GRPC_LIMITED, "Calls refused since their caller has his share.", ("kind", "reason")
        )

    def enter(self, principal: Principal, rule: AccessRule, under_way: int) -> Standing | None:
        """Whose `calls` goes down again when the call has ended; None for a service. under_way: single calls of all.

        Raises ResourceExhausted with a retry delay.
        """
        if principal.role == SERVICE_ROLE:
            return None
        name = principal.api_key_id or principal.execution_id or principal.user_id
        standings = self._standings
        standing = standings.get(name)
        if standing is None:
            standing = _kept(standings, name, Standing())
        else:
            standings.move_to_end(name)
        if standing.calls >= self._limit.calls:
            raise self._refusal(rule, "calls", self._limit.calls, _SHORTEST_RETRY)
        if under_way >= self._limit.crowd:
            self._pay(principal.team, standing, rule)
        standing.calls += 1
        return standing

    def _pay(self, team: str, standing: Standing, rule: AccessRule) -> None:
        """Himself first: who is refused takes nothing from his team."""
        now, cost = self._now(), 1 if is_plain(rule) else _CHANGE
        if standing.bucket is None:
            standing.bucket = Bucket(self._own, now)
        if wait := standing.bucket.pay(cost, now):
            raise self._refusal(rule, "rate", self._own.rate, wait)
        bucket = self._teams.get(team)
        if bucket is None:
            bucket = _kept(self._teams, team, Bucket(self._team, now))
        else:
            self._teams.move_to_end(team)
        if wait := bucket.pay(cost, now):
            raise self._refusal(rule, "team", self._team.rate, wait)

    def _refusal(self, rule: AccessRule, reason: str, limit: float, wait: float) -> ResourceExhausted:
        self._refused.labels("read" if is_plain(rule) else "change", reason).inc()
        return ResourceExhausted(
            _TEXTS[reason].format(limit=limit),
            reason="PRINCIPAL_LIMITED",
            retry_after=max(_SHORTEST_RETRY, wait),
            metadata={"quota": reason, "limit": f"{limit:g}"},
        )


def is_plain(rule: AccessRule) -> bool:
    """Whether a call costs no more than a read."""
    return rule.permission.rpartition(":")[2] in _PLAIN if rule.permission else True


def _kept(known: OrderedDict[str, V], name: str, value: V) -> V:
    known[name] = value
    if len(known) > _MOST:
        known.popitem(last=False)
    return value
