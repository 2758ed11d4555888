"""Views by id and name, remembered for a few seconds."""

from collections import OrderedDict

from fp_kernel import Clock, Unavailable
from fp_telemetry import get_logger

from fp_featurestore.app.ports import ViewRef, Views
from fp_featurestore.app.refusals import no_view
from fp_featurestore.domain.plan import plan_of
from fp_featurestore.domain.view import View

FRESH = 3.0  # seconds: how late a replica may learn of a new definition
_LARGEST = 10_000
_BATCH = 500

_log = get_logger(__name__)


class Catalog:
    """The online path must not ask the database what a view looks like at every read."""

    def __init__(self, views: Views, clock: Clock) -> None:
        self._views = views
        self._clock = clock
        self._known: OrderedDict[tuple[str, ViewRef], tuple[View, float]] = OrderedDict()

    async def view(self, team: str, ref: ViewRef, *, fresh: bool = False) -> View:
        """A view that is not deleted. fresh: as it is now. Raises NotFound, Unavailable."""
        known = self._known.get((team, ref))
        if known and not fresh and self._clock.monotonic() < known[1] + FRESH:
            return known[0]
        try:
            found = await self._views.view(team, ref)
        except Unavailable:
            if known is None or fresh:
                raise
            # The online view may still answer while the database is away.
            return known[0]
        if found is None or found.deleted:
            self._known.pop((team, ref), None)
            raise no_view()
        self.remember(found)
        return found

    def remember(self, view: View) -> None:
        """A view that is deleted is forgotten."""
        if view.deleted:
            self.forget(view)
            return
        for ref in (ViewRef(id=view.id), ViewRef(name=view.name)):
            self._known[view.team, ref] = view, self._clock.monotonic()
            self._known.move_to_end((view.team, ref))
        while len(self._known) > _LARGEST:
            self._known.popitem(last=False)

    def forget(self, view: View) -> None:
        for ref in (ViewRef(id=view.id), ViewRef(name=view.name)):
            self._known.pop((view.team, ref), None)

    async def warm(self) -> None:
        """Compile the plans of views before the first call needs them."""
        after = ""
        views = 0
        while batch := await self._views.live(after, _BATCH):
            for view in batch:
                self.remember(view)
                for schema in view.schemas:
                    plan_of(schema)
            after, views = batch[-1].id, views + len(batch)
            if views >= _LARGEST // 2:
                break
        _log.info("feature views are warm", views=views)
