"""Take a model out of service."""

from fp_kernel import Command

from fp_inference.app.change_route import Change, ChangeRoute
from fp_inference.app.replays import Replays


class DeleteRoute:
    """A split without shares, stored and published like any other: the newest split holds, in every replica."""

    def __init__(self, change: ChangeRoute, replays: Replays) -> None:
        self._change = change
        self._replays = replays

    async def __call__(self, change: Change, command: Command) -> None:
        """Raises NotFound, Unavailable while the store is away or routes are still being read, Aborted when the route
        has another revision than the expected one, Replayed.
        """
        async with self._replays.once(command):
            await self._change.clear(change)
            await self._replays.save_answer(command, None)
