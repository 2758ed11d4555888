"""What came of the rules of a route, an arm of an experiment each, and of its shadow."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.route_table import RouteTable
from fp_inference.app.tallies import Key, Tallies
from fp_inference.domain.routes import Route, Target

_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Arm:
    """One version of one rule, since the rules were set. seconds: of all answers together."""

    rule: str
    version: str
    answered: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Reported:
    """shadow: its counts by name since it was set; none without a shadow."""

    route: Route
    arms: Sequence[Arm]
    shadow: Mapping[str, float]


class ArmKey(NamedTuple):
    """rule: empty for an arm of the split."""

    team: str
    model_name: str
    rule: str
    version: str


class ArmSeries(Protocol):
    def answered(self, arm: ArmKey, seconds: float) -> None: ...

    def failed(self, arm: ArmKey) -> None: ...


class Arms:
    """Counts the predictions that a rule decided for its report, and as series also those of a split of several."""

    def __init__(self, tallies: Tallies, series: ArmSeries) -> None:
        self._tallies = tallies
        self._series = series

    def answered(self, route: Route, rule: str, target: Target, seconds: float) -> None:
        self._count(route, rule, target, {"answered": 1, "seconds": seconds})
        if rule or len(route.lots) > 1:
            self._series.answered(ArmKey(route.team, route.model_name, rule, target.version), seconds)

    def failed(self, route: Route, rule: str, target: Target) -> None:
        self._count(route, rule, target, {"failed": 1})
        if rule or len(route.lots) > 1:
            self._series.failed(ArmKey(route.team, route.model_name, rule, target.version))

    def _count(self, route: Route, rule: str, target: Target, counts: Mapping[str, float]) -> None:
        if rule and route.rules is not None:
            key = _key(route, route.rules.revision)
            named = {_SEPARATOR.join((rule, target.version, name)): number for name, number in counts.items()}
            self._tallies.count(key, named)


class ReportRoute:
    def __init__(self, table: RouteTable, fresh: FreshRoutes, tallies: Tallies) -> None:
        self._table = table
        self._fresh = fresh
        self._tallies = tallies

    async def __call__(self, team: str, model_name: str) -> Reported:
        """Raises NotFound, Unavailable while the counts cannot be read."""
        route = await self._fresh.read(team, model_name, partial(self._table.get, team, model_name))
        revisions = [each.revision if each is not None else 0 for each in (route.rules, route.shadow)]
        ruled, shadowed = await asyncio.gather(*(self._read(route, revision) for revision in revisions))
        return Reported(route, _arms(route, ruled), shadowed)

    async def _read(self, route: Route, revision: int) -> Mapping[str, float]:
        return await self._tallies.read(_key(route, revision)) if revision else {}


def _key(route: Route, revision: int) -> Key:
    return route.team, route.model_name, revision


def _arms(route: Route, counts: Mapping[str, float]) -> Sequence[Arm]:
    """In the order of the rules and of their versions, also those that answered nothing yet."""
    found = []
    for rule in route.rules.rules if route.rules is not None else ():
        for share in rule.shares:
            target = route.targets.get(share.version_id)
            if target is None:
                continue
            answered, failed, seconds = (
                counts.get(_SEPARATOR.join((rule.name, target.version, name)), 0.0)
                for name in ("answered", "failed", "seconds")
            )
            found.append(Arm(rule.name, target.version, round(answered), round(failed), seconds))
    return found
