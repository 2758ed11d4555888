"""Values that were true at a time and known by a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import Ask, Offline, ViewRef
from fp_featurestore.app.vectors import Vectors, selected, vector
from fp_featurestore.domain.instants import Instant


@dataclass(frozen=True, slots=True)
class Past:
    as_of: Instant
    known_as_of: Instant


class GetHistorical:
    def __init__(self, catalog: Catalog, offline: Offline) -> None:
        self._catalog = catalog
        self._offline = offline

    async def __call__(
        self, team: str, ref: ViewRef, entity_ids: Sequence[str], names: Sequence[str], past: Past
    ) -> Vectors:
        """entity_ids: each once. Raises NotFound, InvalidArgument naming the field, Unavailable."""
        view, features = await selected(self._catalog, team, ref, names)
        fence = await self._offline.fence(view.id)
        asks = [Ask(entity_id, past.as_of, past.known_as_of) for entity_id in entity_ids]
        rows = await self._offline.as_of(view.id, asks, fence.version)
        if any(row.schema_version > view.schema_version for row in rows.values()):
            view = await self._catalog.view(team, ref, fresh=True)
        found = [vector(view, row.entity_id, row, features) for _, row in sorted(rows.items())]
        missing = [entity_id for place, entity_id in enumerate(entity_ids) if place not in rows]
        return Vectors(found, missing)
