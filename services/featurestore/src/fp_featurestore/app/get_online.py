"""The newest values of entities."""

from collections.abc import Sequence

from fp_kernel import Clock, Unavailable

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import AsOfQuery, Observe, Offline, Online, ViewRef
from fp_featurestore.app.vectors import PART, Limit, Vectors, entities, selected, vector
from fp_featurestore.domain.instants import EVER, instant
from fp_featurestore.domain.online import OnlineValue
from fp_featurestore.domain.rows import Row
from fp_featurestore.domain.view import View


class GetOnline:
    def __init__(self, catalog: Catalog, online: Online, offline: Offline, *, clock: Clock, observe: Observe) -> None:
        """observe: `online`; or `incomplete` or `away`, when the offline view answers."""
        self._catalog = catalog
        self._online = online
        self._offline = offline
        self._clock = clock
        self._observe = observe

    async def __call__(self, team: str, ref: ViewRef, entity_ids: Sequence[str], names: Sequence[str]) -> Vectors:
        """Raises NotFound, InvalidArgument naming the field, Unavailable."""
        wanted = entities(entity_ids)
        view, features = await selected(self._catalog, team, ref, names)
        stored = await self._read(view, wanted)
        if any(value is not None and value.schema_version > view.schema_version for value in stored):
            # Written under a schema that this process does not know yet.
            view = await self._catalog.view(team, ref, fresh=True)
            features = features if names else [feature.name for feature in view.features]
        now = instant(self._clock.now())
        served = {
            entity_id: value
            for entity_id, value in zip(wanted, stored, strict=True)
            if value is not None and view.served(value.event_time, now)
        }
        found = [vector(view, entity_id, value, features) for entity_id, value in served.items()]
        return Vectors(found, [entity_id for entity_id in wanted if entity_id not in served])

    async def _read(self, view: View, entity_ids: Sequence[str]) -> Sequence[OnlineValue | Row | None]:
        """Part by part, so that no answer of the store is larger than what may be answered."""
        limit = Limit("entity_ids")
        found: list[OnlineValue | Row | None] = []
        for start in range(0, len(entity_ids), PART):
            part = await self._read_part(view, entity_ids[start : start + PART])
            limit.add(sum(len(value.packed) for value in part if value is not None))
            found += part
        return found

    async def _read_part(self, view: View, entity_ids: Sequence[str]) -> Sequence[OnlineValue | Row | None]:
        try:
            stored = await self._online.read(view, entity_ids)
        except Unavailable:
            self._observe("away")
        else:
            self._observe("incomplete" if stored is None else "online")
            if stored is not None:
                return stored
        asks = [AsOfQuery(entity_id, EVER, EVER) for entity_id in entity_ids]
        rows = await self._offline.as_of(view.id, asks, EVER)
        return [rows.get(place) for place in range(len(entity_ids))]
