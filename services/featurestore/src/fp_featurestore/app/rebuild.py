"""Make the views anew from the log while reads and writes go on, then switch to what was made."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from fp_kernel import Aborted, Error, FailedPrecondition, PageRequest
from fp_telemetry import get_logger

from fp_featurestore.app.ports import Claims, Copies, Log, LogPart, Online, ViewRef, Views
from fp_featurestore.app.refusals import no_view
from fp_featurestore.domain.view import View

_STEP = 20
_PAGE = 100
_SWITCHES = 20

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    online: bool
    offline: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """replayed, total: events, counted once for each of the two views."""

    replayed: int
    total: int
    view_id: str
    done: bool = False


class Rebuild:
    def __init__(self, views: Views, log: Log, online: Online, copies: Copies, claims: Claims) -> None:
        self._views = views
        self._log = log
        self._online = online
        self._copies = copies
        self._claims = claims

    async def __call__(self, team: str, view_id: str, target: Target) -> AsyncIterator[Progress]:
        """Of one view, or of every view of the team when no id is given.

        Raises NotFound, FailedPrecondition while another rebuild of a view is at work, Unavailable while a store is
        away. What was not finished is as it was before.
        """
        chosen = await self._chosen(team, view_id)
        total = sum(view.version for view in chosen) * (target.online + target.offline)
        replayed = 0
        for view in chosen:
            async with self._claims(view.id) as mine:
                if not mine:
                    raise FailedPrecondition(
                        f"another rebuild of {view.name} is at work", reason="REBUILD_RUNNING", retry_after=1.0
                    )
                async for events in self._one(view, target):
                    replayed += events
                    yield Progress(replayed, max(total, replayed), view.id)
        if target.online and chosen:
            await self._online.sweep()
        yield Progress(replayed, replayed, "", done=True)

    async def online(self, view: View) -> AsyncIterator[int]:
        """Fill a new copy of the online view; events replayed, as they come. Only for who has the claim."""
        copy = await self._online.begin(view)
        through = await self._log.version(view.id)
        async for part in self._fill(view, copy, 0, through):
            yield part.last - part.first + 1
        for _ in range(_SWITCHES):
            # What was written meanwhile, without a pause: each round leaves less for the next one.
            newest = await self._log.version(view.id)
            async for _ in self._fill(view, copy, through, newest):
                continue
            if await self._switch(view, copy, newest):
                _log.info("online view rebuilt", view_id=view.id, events=newest)
                yield newest - through
                return
            through = newest
        raise Aborted("writes are faster than the rebuild of the online view", retry_after=1.0)

    async def _switch(self, view: View, copy: str, through: int) -> bool:
        if await self._online.switch(view, copy, through, force=False):
            return True
        if await self._log.version(view.id) > through:
            return False
        # The copy that readers see has more than the log has: it is wrong and not ahead.
        return await self._online.switch(view, copy, through, force=True)

    async def _fill(self, view: View, copy: str, after: int, through: int) -> AsyncIterator[LogPart]:
        async for part in self._log.rows(view.id, after, through):
            if await self._online.apply(view, copy, part) < part.last:
                raise Aborted("the online store lost the copy that is being filled")
            yield part

    async def _one(self, view: View, target: Target) -> AsyncIterator[int]:
        if target.offline:
            async for events in self._offline(view):
                yield events
        if target.online:
            async for events in self.online(view):
                yield events

    async def _offline(self, view: View) -> AsyncIterator[int]:
        await self._copies.sweep(view.id)
        copy = await self._copies.begin(view.id)
        for first in range(1, view.version + 1, _STEP):
            last = min(first + _STEP - 1, view.version)
            await self._copies.fill(copy, view.id, first, last)
            yield last - first + 1
        through = await self._copies.switch(copy, view.id, view.version)
        _log.info("offline view rebuilt", view_id=view.id, events=through)
        yield through - view.version
        with suppress(Error):
            await self._copies.sweep(view.id)

    async def _chosen(self, team: str, view_id: str) -> list[View]:
        if view_id:
            view = await self._views.view(team, ViewRef(id=view_id))
            if view is None or view.deleted:
                raise no_view()
            return [view]
        chosen: list[View] = []
        page = PageRequest(_PAGE)
        while True:
            found, after = await self._views.views(team, "", page)
            chosen += found
            if not after:
                return chosen
            page = PageRequest(_PAGE, (after,))
