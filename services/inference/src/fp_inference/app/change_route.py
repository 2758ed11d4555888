"""Change how the traffic of a model is divided: its split, its rules, its shadow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from fp_kernel import Aborted, Clock
from fp_kernel.revisions import NOTHING

from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.ports import Readiness, RouteStore, SplitMoved
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route
from fp_inference.domain.rule_plan import WantedRule, plan_rules, plan_shadow
from fp_inference.domain.rules import Rules, Shadow
from fp_inference.domain.shares import Share, Split
from fp_inference.domain.split_plan import not_ready, plan_split, planned_salt, unproven

T = TypeVar("T")

# Each time somebody else set one between our look and our word: so many in a row come from a loop, not from people.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Change:
    """Of what, by whom. expected: the revision that the caller has read; None for whatever there is."""

    team: str
    model_name: str
    by: str
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What is set with a split. rules, shadow: None for what there is. salt: empty for what goes on."""

    salt: str = ""
    rules: Sequence[WantedRule] | None = None
    shadow: tuple[str, int] | None = None


Planned = tuple[Split, Rules | None, Shadow | None]


class ChangeRoute:
    """Stored and published to every replica before it is answered: what only one of them knows is worse than nothing.

    Each method raises InvalidArgument naming the field, FailedPrecondition naming `<field>...version`, Aborted when the
    route has another revision than the expected one, Unavailable while the store is away.
    """

    def __init__(
        self, *, table: RouteTable, fresh: FreshRoutes, store: RouteStore, runtimes: Readiness, clock: Clock
    ) -> None:
        self._table = table
        self._fresh = fresh
        self._store = store
        self._runtimes = runtimes
        self._clock = clock

    async def split(self, change: Change, weights: Sequence[tuple[str, int]], salt: str, field: str) -> Route:
        return await self.whole(change, weights, Whole(salt=salt), field)

    async def whole(self, change: Change, weights: Sequence[tuple[str, int]], whole: Whole, field: str) -> Route:
        """The split, and what `whole` names beside it: all of it holds, or nothing does."""
        for _ in range(_ATTEMPTS):
            route, planned = await self._plan(change, partial(self._planned, change, weights, whole, field))
            split, rules, shadow = planned
            await self._check_reached(route, split.shares, field)
            if rules is not None:
                await self._check_reached(route, tuple(rules.shares()), "rules")
            if shadow is not None and shadow.share is not None:
                await self._check_reached(route, (shadow.share,), "shadow")
            try:
                revision = await self._store.set_whole(
                    change.team,
                    change.model_name,
                    *planned,
                    expected=change.expected,
                    planned_on=route.split.revision if route.split is not None else NOTHING,
                )
            except SplitMoved as moved:
                # Which versions are new, and so the salt, is told by the split that this one follows.
                self._changed(change, partial(Route.with_split, split=moved.split))
            else:
                return self._changed(change, partial(_as_set, planned, revision))
        raise Aborted("others set splits of the route at the same moment", retry_after=0.1)

    def _planned(
        self, change: Change, weights: Sequence[tuple[str, int]], whole: Whole, field: str, route: Route
    ) -> Planned:
        shares, now, by = plan_split(route, weights, field), self._clock.now(), change.by
        split = Split(shares, NOTHING, now, by, planned_salt(route, shares, whole.salt))
        rules = None if whole.rules is None else Rules(plan_rules(route, whole.rules), NOTHING, now, by)
        shadow = None if whole.shadow is None else Shadow(plan_shadow(route, *whole.shadow), NOTHING, now, by)
        return split, rules, shadow

    async def rules(self, change: Change, wanted: Sequence[WantedRule]) -> Route:
        """In place of those that there are."""
        route, planned = await self._plan(change, partial(plan_rules, wanted=wanted))
        await self._check_reached(route, [share for rule in planned for share in rule.shares], "rules")
        rules = await self._store.set_rules(
            change.team, change.model_name, planned, self._clock.now(), by=change.by, expected=change.expected
        )
        return self._changed(change, lambda known: known.with_rules(rules))

    async def shadow(self, change: Change, version: str, share_bps: int) -> Route:
        """version: empty for no shadow."""
        route, share = await self._plan(change, lambda known: plan_shadow(known, version, share_bps))
        await self._check_reached(route, [share] if share else [], "shadow")
        shadow = await self._store.set_shadow(
            change.team, change.model_name, share, self._clock.now(), by=change.by, expected=change.expected
        )
        return self._changed(change, lambda known: known.with_shadow(shadow))

    def check_there(self, change: Change) -> None:
        """Raises NotFound where there is no route, Unavailable while routes are still being read."""
        self._table.get(change.team, change.model_name)

    async def clear(self, change: Change) -> None:
        """No split, no rules, no shadow. Raises NotFound where there is no route."""
        self.check_there(change)
        team, model_name, now, by = change.team, change.model_name, self._clock.now(), change.by
        # Rules and shadow also where none is known here: another replica may have set them just now, and what was left
        # over would hold again with the next split.
        planned = Split((), NOTHING, now, by), Rules((), NOTHING, now, by), Shadow(None, NOTHING, now, by)
        revision = await self._store.set_whole(team, model_name, *planned, expected=change.expected)
        self._table.change(team, model_name, partial(_as_set, planned, revision))

    async def _plan(self, change: Change, plan: Callable[[Route], T]) -> tuple[Route, T]:
        def planned() -> tuple[Route, T]:
            # A model that nobody knows yet has no active version: the caller, perhaps a saga, may come back.
            route = self._table.find(change.team, change.model_name) or Route(change.team, change.model_name)
            return route, plan(route)

        return await self._fresh.read(change.team, change.model_name, planned)

    def _changed(self, change: Change, apply: Callable[[Route], Route]) -> Route:
        self._table.change(change.team, change.model_name, apply)
        found = self._table.find(change.team, change.model_name)
        return found if found is not None else apply(Route(change.team, change.model_name))

    async def _check_reached(self, route: Route, shares: Sequence[Share], field: str) -> None:
        """Raises FailedPrecondition naming `<field>` for a version whose runtime does not answer this service.

        The pipeline has seen the runtime ready from where it runs itself. A network that lets only the pipeline pass
        would have lost all traffic with the first split. Versions that are named now are not looked at: traffic must
        go back to them whatever happens.
        """
        for target in unproven(route, shares):
            if not await self._runtimes.is_ready(target):
                raise not_ready(field, target.version)


def _as_set(planned: Planned, revision: int, known: Route) -> Route:
    split, rules, shadow = planned
    known = known.with_split(replace(split, revision=revision))
    if rules is not None:
        known = known.with_rules(replace(rules, revision=revision))
    return known if shadow is None else known.with_shadow(replace(shadow, revision=revision))
