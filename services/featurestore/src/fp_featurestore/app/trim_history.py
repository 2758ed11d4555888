"""Let go of history that is past its view's retention."""

from typing import Final

from fp_kernel import Clock, Error
from fp_telemetry import get_logger

from fp_featurestore.app.ports import Claims, History, Retained, Spine
from fp_featurestore.domain.instants import Instant, instant

_VIEWS: Final = 100

_log = get_logger(__name__)


class TrimHistory:
    """Every replica runs it; one at a time has a view, and no rebuild goes on in it meanwhile.

    What the horizon of the last run allows is removed first, and then the horizon moves: whoever began to read before
    it was there has ended by the next run, so that nothing is removed under a reader that was still answered.
    """

    def __init__(self, history: History, claims: Claims, clock: Clock) -> None:
        self._history = history
        self._claims = claims
        self._clock = clock

    async def __call__(self) -> None:
        """Go once through the views that have a retention; one that fails holds up no other."""
        now, after = instant(self._clock.now()), ""
        while views := await self._history.retained(after, _VIEWS):
            for view in views:
                try:
                    async with self._claims(view.view_id) as mine:
                        if mine:
                            await self._trim(view, now)
                except Error as error:
                    _log.warning("history will be trimmed later", view_id=view.view_id, kind=error.kind)
            after = views[-1].view_id

    async def _trim(self, view: Retained, now: Instant) -> None:
        horizon = now - view.retention
        if view.deleted_at is not None:
            while view.deleted_at < horizon and await self._history.forget_writes(view):
                continue
            return
        after: Spine | None = None
        while (after := await self._history.trim(view, after)) is not None:
            continue
        await self._history.advance(view, horizon)
