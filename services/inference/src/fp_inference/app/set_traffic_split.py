"""Move traffic between the versions of a model."""

from collections.abc import Sequence

from fp_kernel import Clock, Command

from fp_inference.app.ports import RouteStore
from fp_inference.app.replays import Replays
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route, plan_split


class SetTrafficSplit:
    """Kept and told to every replica before it is answered: a split that one of them alone knows is worse than none.

    Setting the same weights twice is the same as setting them once, so that a lost answer may be asked for again.
    """

    def __init__(self, table: RouteTable, store: RouteStore, replays: Replays, clock: Clock) -> None:
        self._table = table
        self._store = store
        self._replays = replays
        self._clock = clock

    async def __call__(
        self,
        team: str,
        model_name: str,
        weights: Sequence[tuple[str, int]],
        command: Command,
        *,
        field: str = "weights",
    ) -> Route:
        """weights: version labels and basis points. field: that has them in the request.

        Raises InvalidArgument naming the field, FailedPrecondition naming `<field>[i].version`, Unavailable while the
        store is away, Replayed.
        """
        async with self._replays.once(command):
            # A model that nobody knows yet has no active version: the caller, perhaps a saga, may come back.
            route = self._table.find(team, model_name) or Route(team, model_name)
            shares = plan_split(route, weights, field)
            split = await self._store.set_split(team, model_name, shares, self._clock.now())
            self._table.change(team, model_name, lambda known: known.with_split(split))
            after = self._table.find(team, model_name) or route
            await self._replays.keep(command, after)
            return after
