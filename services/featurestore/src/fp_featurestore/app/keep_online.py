"""See to it that the online view has what the log has."""

import asyncio

from fp_kernel import Error, Unavailable
from fp_telemetry import get_logger

from fp_featurestore.app.ports import Claims, Copies, Log, Observe, Online, OnlineState, Views
from fp_featurestore.app.rebuild import Rebuild
from fp_featurestore.domain.view import View

_INTERVAL = 1.0
_BATCH = 500

_logger = get_logger(__name__)


class KeepOnline:
    """Compares the version that each online copy has with that of its log, and replays what is between.

    Runs in every replica; what one does twice does no harm, because the newest value wins in any order. A store that
    lost its copies gets new ones.
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

    async def run(self) -> None:
        """Until cancelled; outages of the stores are waited out."""
        while True:
            try:
                await self.once()
            except Unavailable:
                _logger.debug("a store of the online view is away")
            except Error as error:
                _logger.warning("online view could not be kept", kind=error.kind, reason=error.reason)
            await asyncio.sleep(_INTERVAL)

    async def once(self) -> None:
        """Raises Unavailable while a store is away."""
        after, rebuilt = "", 0
        while batch := await self._views.live(after, _BATCH):
            states = await self._online.states(batch)
            for view, state in zip(batch, states, strict=True):
                rebuilt += await self._keep(view, state)
            after = batch[-1].id
        if rebuilt:
            await self._online.sweep()
        for view_id in await self._copies.stale():
            async with self._claims(view_id) as mine:
                if mine:
                    await self._copies.sweep(view_id)

    async def _keep(self, view: View, state: OnlineState) -> bool:
        """Whether it made a new copy."""
        if await self._sound(view, state):
            if state.version < view.version:
                await self._catch_up(view, state)
            return False
        async with self._claims(view.id) as mine:
            if mine:
                async for _ in self.rebuild.online(view):
                    continue
                self._observe("rebuilt")
            return mine

    async def _sound(self, view: View, state: OnlineState) -> bool:
        if not state.copy or not self._online.fits(view, state):
            return False
        # The view was read before the store was: a copy may be ahead of it, but never of the log.
        return state.version <= view.version or state.version <= await self._log.version(view.id)

    async def _catch_up(self, view: View, state: OnlineState) -> None:
        async for part in self._log.rows(view.id, state.version, view.version):
            if await self._online.apply(view, state.copy, part) < part.last:
                return
        self._observe("caught_up")
