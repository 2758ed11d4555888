"""Set a route as a whole: split, and rules and shadow where the caller names them."""

from collections.abc import Sequence

from fp_kernel import Command

from fp_inference.app.change_route import Change, ChangeRoute, Whole
from fp_inference.app.replays import Replays
from fp_inference.domain.routes import Route
from fp_inference.domain.rule_plan import WantedRule


class UpsertRoute:
    def __init__(self, change: ChangeRoute, replays: Replays) -> None:
        self._change = change
        self._replays = replays

    async def __call__(
        self,
        change: Change,
        weights: Sequence[tuple[str, int]],
        command: Command,
        *,
        rules: Sequence[WantedRule] | None,
        shadow: tuple[str, int] | None,
    ) -> Route:
        """rules, shadow: None for what there is. All of them are set, or none.

        Raises what `ChangeRoute` raises, Replayed.
        """
        async with self._replays.once(command):
            route = await self._change.whole(change, weights, Whole(rules=rules, shadow=shadow), "targets")
            await self._replays.save_answer(command, route)
            return route
