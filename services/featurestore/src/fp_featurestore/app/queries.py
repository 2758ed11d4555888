"""Reads of views."""

from fp_kernel import PageRequest

from fp_featurestore.app.ports import ViewRef, Views
from fp_featurestore.app.refusals import no_view
from fp_featurestore.domain.view import View


class Queries:
    def __init__(self, views: Views) -> None:
        self._views = views

    async def view(self, team: str, ref: ViewRef) -> View:
        """By id also one that was deleted. Raises NotFound."""
        found = await self._views.view(team, ref)
        if found is None:
            raise no_view()
        return found

    async def views(self, team: str, name: str, page: PageRequest) -> tuple[list[View], str]:
        """Those that are not deleted, newest first, and the id to go on from; empty on the last page."""
        found, after = await self._views.views(team, name, page)
        return list(found), after
