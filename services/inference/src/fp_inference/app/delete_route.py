"""Take a model out of service."""

from fp_kernel import Clock, Command

from fp_inference.app.ports import RouteStore
from fp_inference.app.replays import Replays
from fp_inference.app.route_table import RouteTable


class DeleteRoute:
    """A split without shares, stored and published like any other: the newest split holds, in every replica."""

    def __init__(self, table: RouteTable, store: RouteStore, replays: Replays, clock: Clock) -> None:
        self._table = table
        self._store = store
        self._replays = replays
        self._clock = clock

    async def __call__(
        self, team: str, model_name: str, command: Command, *, by: str, expected: int | None = None
    ) -> None:
        """Raises NotFound, Unavailable while the store is away or routes are still being read, Aborted when the route
        has another revision than the expected one, Replayed.
        """
        async with self._replays.once(command):
            self._table.get(team, model_name)
            split = await self._store.set_split(team, model_name, (), self._clock.now(), by=by, expected=expected)
            self._table.change(team, model_name, lambda known: known.with_split(split))
            await self._replays.save_answer(command, None)
