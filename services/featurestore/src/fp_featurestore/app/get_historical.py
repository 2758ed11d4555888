"""Values that were true at a time and known by a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import AsOfQuery, Offline, ViewRef
from fp_featurestore.app.vectors import PART, Limit, Vectors, selected, vector
from fp_featurestore.domain.instants import Instant
from fp_featurestore.domain.rows import Row


@dataclass(frozen=True, slots=True)
class PointInTime:
    as_of: Instant
    known_as_of: Instant


class GetHistorical:
    def __init__(self, catalog: Catalog, offline: Offline) -> None:
        self._catalog = catalog
        self._offline = offline

    async def __call__(
        self, team: str, ref: ViewRef, entity_ids: Sequence[str], names: Sequence[str], past: PointInTime
    ) -> Vectors:
        """entity_ids: each once. Raises NotFound, InvalidArgument naming the field, OutOfRange, Unavailable."""
        view, features = await selected(self._catalog, team, ref, names)
        fence = await self._offline.fence(view.id)
        fence.check_retained("as_of", past.as_of, past.known_as_of)
        oldest = view.oldest(past.as_of)
        asks = [AsOfQuery(entity_id, past.as_of, past.known_as_of, oldest) for entity_id in entity_ids]
        rows = await self._read(view.id, asks, fence.version)
        if any(row.schema_version > view.schema_version for row in rows.values()):
            view = await self._catalog.view(team, ref, fresh=True)
        found = [vector(view, row.entity_id, row, features) for _, row in sorted(rows.items())]
        missing = [entity_id for place, entity_id in enumerate(entity_ids) if place not in rows]
        return Vectors(found, missing)

    async def _read(self, view_id: str, asks: Sequence[AsOfQuery], through: int) -> Mapping[int, Row]:
        limit = Limit("entity_ids")
        rows: dict[int, Row] = {}
        for start in range(0, len(asks), PART):
            part = await self._offline.as_of(view_id, asks[start : start + PART], through)
            limit.add(sum(len(row.packed) for row in part.values()))
            rows |= {start + place: row for place, row in part.items()}
        return rows
