"""Bring the online view up to date with the log."""

from collections.abc import Sequence

from fp_kernel import Unavailable
from fp_telemetry import get_logger

from fp_featurestore.app.ports import Claims, Copies, Log, Observe, Online, OnlineState, ViewRef, Views
from fp_featurestore.app.rebuild import Rebuild
from fp_featurestore.domain.view import View, ViewHead

# Between two looks at every view.
_TURNS = 30
_BATCH = 500
# Views of one turn; what is beyond waits for the next look at every view.
_MOST_CHANGED = 5_000

_logger = get_logger(__name__)


class SyncOnline:
    """Compares the version that each online copy has with that of its log, and replays what is between.

    Mostly it looks only at views whose logs have grown, so that the cost follows the changes and not the number of
    views; at all of them from time to time, and when the store has lost its copies, which are then made anew. Every
    replica runs it: values may be applied twice and in any order, because the newest one wins.
    """

    def __init__(
        self,
        views: Views,
        log: Log,
        online: Online,
        *,
        copies: Copies,
        claims: Claims,
        rebuild: Rebuild,
        observe: Observe,
    ) -> None:
        """observe: `caught_up` or `rebuilt` for each view that needed it."""
        self._views = views
        self._log = log
        self._online = online
        self._copies = copies
        self._claims = claims
        self.rebuild = rebuild
        self._observe = observe
        self._turns_left = 0

    async def __call__(self) -> None:
        """The views that have changed, or every view when it is time for that; outages of the stores are waited out."""
        try:
            await self.sync_changed()
        except Unavailable:
            _logger.debug("a store of the online view is away")

    async def sync_changed(self) -> None:
        """Every view instead at every so many turns, after a failure, and when the store lost its copies.

        Raises Unavailable while a store is away.
        """
        left, self._turns_left = self._turns_left, 0
        if left and await self._online.intact():
            await self._sync(await self._views.changed(_MOST_CHANGED))
            self._turns_left = left - 1
        else:
            await self.sync_all()
            self._turns_left = _TURNS

    async def sync_all(self) -> None:
        """Every view. Raises Unavailable while a store is away."""
        after = ""
        while heads := await self._views.heads(after, _BATCH):
            await self._sync(heads)
            after = heads[-1].id
        await self._sweep_copies()
        await self._online.mark_intact()

    async def _sweep_copies(self) -> None:
        copy: int | None = 0
        while copy is not None:
            stale, copy = await self._copies.stale(copy, _BATCH)
            for view_id in stale:
                async with self._claims(view_id) as mine:
                    if mine:
                        await self._copies.sweep(view_id)

    async def _sync(self, heads: Sequence[ViewHead]) -> None:
        rebuilt = 0
        for start in range(0, len(heads), _BATCH):
            batch = heads[start : start + _BATCH]
            for head, state in zip(batch, await self._online.states(batch), strict=True):
                rebuilt += await self._sync_view(head, state)
        if rebuilt:
            await self._online.sweep()

    async def _sync_view(self, head: ViewHead, state: OnlineState) -> bool:
        """Whether it made a new copy."""
        sound = await self._sound(head, state)
        if sound and state.version >= head.version:
            return False
        view = await self._views.view(head.team, ViewRef(id=head.id))
        if view is None or view.deleted:
            return False
        if sound:
            await self._catch_up(view, state)
            return False
        async with self._claims(view.id) as mine:
            if mine:
                async for _ in self.rebuild.online(view):
                    continue
                self._observe("rebuilt")
            return mine

    async def _sound(self, head: ViewHead, state: OnlineState) -> bool:
        if not state.copy or not self._online.fits(head, state):
            return False
        # The view was read before the store was: a copy may be ahead of it, but never of the log.
        return state.version <= head.version or state.version <= await self._log.version(head.id)

    async def _catch_up(self, view: View, state: OnlineState) -> None:
        async for part in self._log.rows(view.id, state.version, view.version):
            if await self._online.apply(view, state.copy, part) < part.last:
                return
        self._observe("caught_up")
