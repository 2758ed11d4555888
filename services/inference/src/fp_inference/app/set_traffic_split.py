"""Move traffic between the versions of a model."""

from collections.abc import Sequence

from fp_kernel import Aborted, Clock, Command

from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.ports import Readiness, RouteStore, SplitMoved
from fp_inference.app.replays import Replays
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route, Share, Split
from fp_inference.domain.split_plan import newcomers, not_ready, plan_split, planned_salt

# Each time somebody else set one between our look and our word: so many in a row come from a loop, not from people.
_ATTEMPTS = 5


class SetTrafficSplit:
    """Stored and published to every replica before it is answered: a split that only one of them knows is worse than
    none.

    Setting the same weights twice is the same as setting them once, so that a lost answer may be asked for again.
    """

    def __init__(
        self,
        *,
        table: RouteTable,
        fresh: FreshRoutes,
        store: RouteStore,
        runtimes: Readiness,
        replays: Replays,
        clock: Clock,
    ) -> None:
        self._table = table
        self._fresh = fresh
        self._store = store
        self._runtimes = runtimes
        self._replays = replays
        self._clock = clock

    async def __call__(
        self,
        team: str,
        model_name: str,
        weights: Sequence[tuple[str, int]],
        command: Command,
        *,
        by: str,
        expected: int | None = None,
        salt: str = "",
        field: str = "weights",
    ) -> Route:
        """weights: version labels and basis points. field: that has them in the request.

        Raises InvalidArgument naming the field, FailedPrecondition naming `<field>[i].version`, Aborted when the route
        has another revision than the expected one, Unavailable while the store is away, Replayed.
        """
        async with self._replays.once(command):

            def plan() -> tuple[Route, tuple[Share, ...]]:
                # A model that nobody knows yet has no active version: the caller, perhaps a saga, may come back.
                route = self._table.find(team, model_name) or Route(team, model_name)
                return route, plan_split(route, weights, field)

            for _ in range(_ATTEMPTS):
                route, shares = await self._fresh.read(team, model_name, plan)
                await self._check_reached(route, shares, field)
                kept = planned_salt(route, shares, salt)
                try:
                    split = await self._store.set_split(
                        team,
                        model_name,
                        shares,
                        self._clock.now(),
                        by=by,
                        expected=expected,
                        salt=kept,
                        planned_on=route.revision,
                    )
                except SplitMoved as moved:
                    # Which versions are new, and so the salt, is told by the split that this one follows.
                    self._learn(team, model_name, moved.split)
                    continue
                self._learn(team, model_name, split)
                after = self._table.find(team, model_name) or route
                await self._replays.save_answer(command, after)
                return after
            raise Aborted("others set splits of the route at the same moment", retry_after=0.1)

    def _learn(self, team: str, model_name: str, split: Split) -> None:
        self._table.change(team, model_name, lambda known: known.with_split(split))

    async def _check_reached(self, route: Route, shares: Sequence[Share], field: str) -> None:
        """Raises FailedPrecondition naming `<field>` for a version whose runtime does not answer this service.

        The pipeline has seen the runtime ready from where it runs itself. A network that lets only the pipeline pass
        would have lost all traffic with the first split. Versions that the present split knows are not looked at:
        traffic must go back to them whatever happens.
        """
        for target in newcomers(route, shares):
            if not await self._runtimes.is_ready(target):
                raise not_ready(field, target.version)
