"""Move traffic between the versions of a model."""

from collections.abc import Sequence

from fp_kernel import Command

from fp_inference.app.change_route import Change, ChangeRoute
from fp_inference.app.replays import Replays
from fp_inference.domain.routes import Route


class SetTrafficSplit:
    """Setting the same weights twice is the same as setting them once, so that a lost answer may be asked for again."""

    def __init__(self, change: ChangeRoute, replays: Replays) -> None:
        self._change = change
        self._replays = replays

    async def __call__(
        self, change: Change, weights: Sequence[tuple[str, int]], command: Command, *, salt: str = ""
    ) -> Route:
        """weights: version labels and basis points. Raises what `ChangeRoute` raises, Replayed."""
        async with self._replays.once(command):
            route = await self._change.split(change, weights, salt, "weights")
            await self._replays.save_answer(command, route)
            return route
