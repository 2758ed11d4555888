"""Change how the traffic of a model is divided: its split, its rules, its shadow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from fp_kernel import Aborted, Clock
from fp_kernel.revisions import NOTHING

from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.ports import Readiness, RouteStore, SplitMoved
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route
from fp_inference.domain.rule_plan import WantedRule, plan_rules, plan_shadow
from fp_inference.domain.shares import Share
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
        for _ in range(_ATTEMPTS):
            route, shares = await self._plan(change, lambda known: plan_split(known, weights, field))
            await self._check_reached(route, shares, field)
            try:
                split = await self._store.set_split(
                    change.team,
                    change.model_name,
                    shares,
                    self._clock.now(),
                    by=change.by,
                    expected=change.expected,
                    salt=planned_salt(route, shares, salt),
                    planned_on=route.split.revision if route.split is not None else NOTHING,
                )
            except SplitMoved as moved:
                # Which versions are new, and so the salt, is told by the split that this one follows.
                self._changed(change, partial(Route.with_split, split=moved.split))
            else:
                return self._changed(change, partial(Route.with_split, split=split))
        raise Aborted("others set splits of the route at the same moment", retry_after=0.1)

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

    async def check(
        self, team: str, model_name: str, rules: Sequence[WantedRule], shadow: tuple[str, int] | None
    ) -> None:
        """Raises what `rules` and `shadow` would raise of their fields, before anything is changed."""
        change = Change(team, model_name, "")
        await self._plan(change, lambda known: (plan_rules(known, rules), plan_shadow(known, *(shadow or ("", 0)))))

    def check_there(self, change: Change) -> None:
        """Raises NotFound where there is no route, Unavailable while routes are still being read."""
        self._table.get(change.team, change.model_name)

    async def clear(self, change: Change) -> None:
        """No split, no rules, no shadow. Raises NotFound where there is no route."""
        self.check_there(change)
        team, model_name, now, by = change.team, change.model_name, self._clock.now(), change.by
        # Rules and shadow also where none is known here: another replica may have set them just now. They go first,
        # else what was left over would hold again with the next split.
        rules = await self._store.set_rules(team, model_name, (), now, by=by, expected=change.expected)
        shadow = await self._store.set_shadow(team, model_name, None, now, by=by, expected=rules.revision)
        split = await self._store.set_split(team, model_name, (), now, by=by, expected=shadow.revision)
        self._table.change(
            team, model_name, lambda known: known.with_rules(rules).with_shadow(shadow).with_split(split)
        )

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
