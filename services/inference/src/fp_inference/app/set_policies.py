"""Send some requests to versions of their own; copy some to a shadow."""

from collections.abc import Sequence

from fp_kernel import Command

from fp_inference.app.change_route import Change, ChangeRoute
from fp_inference.app.replays import Replays
from fp_inference.domain.routes import Route
from fp_inference.domain.rule_plan import WantedRule


class SetRoutingRules:
    def __init__(self, change: ChangeRoute, replays: Replays) -> None:
        self._change = change
        self._replays = replays

    async def __call__(self, change: Change, rules: Sequence[WantedRule], command: Command) -> Route:
        """Raises what `ChangeRoute` raises, NotFound where there is no route, Replayed."""
        async with self._replays.once(command):
            self._change.check_there(change)
            route = await self._change.rules(change, rules)
            await self._replays.save_answer(command, route)
            return route


class SetShadow:
    def __init__(self, change: ChangeRoute, replays: Replays) -> None:
        self._change = change
        self._replays = replays

    async def __call__(self, change: Change, version: str, share_bps: int, command: Command) -> Route:
        """version: empty ends the shadow. Raises what `ChangeRoute` raises, NotFound without a route, Replayed."""
        async with self._replays.once(command):
            self._change.check_there(change)
            route = await self._change.shadow(change, version, share_bps)
            await self._replays.save_answer(command, route)
            return route
