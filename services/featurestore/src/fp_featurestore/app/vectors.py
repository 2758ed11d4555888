"""The answer of a read for one entity."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_kernel import invalid

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.domain import text
from fp_featurestore.domain.features import Schema
from fp_featurestore.domain.instants import Instant
from fp_featurestore.domain.online import OnlineValue
from fp_featurestore.domain.plan import plan_of
from fp_featurestore.domain.rows import Row
from fp_featurestore.domain.view import View

MAX_ENTITIES = 1_000
# Entities that are read from a store at once.
PART = 250
# What is read for one answer, of all entities together.
MAX_PACKED_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Vector:
    """A stored row and the features of it that are asked for. version: of the log's event that wrote it."""

    entity_id: str
    schema: Schema
    names: Sequence[str]
    packed: bytes
    version: int
    event_time: Instant
    available_at: Instant
    schema_version: int

    @property
    def values(self) -> dict[str, object]:
        """As JSON has them, those that are there."""
        return plan_of(self.schema).unpack(self.packed, self.names)


@dataclass(frozen=True, slots=True)
class Vectors:
    """In the order of the entities asked for, each once."""

    found: Sequence[Vector]
    missing: Sequence[str]


def vector(view: View, entity_id: str, stored: Row | OnlineValue, names: Sequence[str]) -> Vector:
    return Vector(
        entity_id=entity_id,
        schema=view.schemas[stored.schema_version - 1],
        names=names,
        packed=stored.packed,
        version=stored.version,
        event_time=stored.event_time,
        available_at=stored.available_at,
        schema_version=stored.schema_version,
    )


class Limit:
    """Refuses what is more than one answer may hold."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._bytes = 0

    def add(self, size: int) -> None:
        """Raises InvalidArgument naming the field."""
        self._bytes += size
        if self._bytes > MAX_PACKED_BYTES:
            raise invalid(self._field, f"have values of more than {MAX_PACKED_BYTES} bytes together; ask for fewer")


def entities(entity_ids: Sequence[str]) -> list[str]:
    """Each once. Raises InvalidArgument naming the field."""
    if not entity_ids:
        raise invalid("entity_ids", "must not be empty")
    if len(entity_ids) > MAX_ENTITIES:
        raise invalid("entity_ids", f"has {len(entity_ids)} entries, at most {MAX_ENTITIES} are allowed")
    for index, entity_id in enumerate(entity_ids):
        text.check_entity_id(entity_id, f"entity_ids[{index}]")
    return list(dict.fromkeys(entity_ids))


async def selected(
    catalog: Catalog, team: str, ref: ViewRef, names: Sequence[str], *, field: str = "feature_names"
) -> tuple[View, Sequence[str]]:
    """The view and the features to read; all of them when none is named.

    Raises NotFound, InvalidArgument naming a feature that the view does not have.
    """
    view = await catalog.view(team, ref)
    if not set(names) <= {feature.name for feature in view.features}:
        view = await catalog.view(team, ref, fresh=True)
    known = {feature.name for feature in view.features}
    for index, name in enumerate(names):
        if name not in known:
            raise invalid(f"{field}[{index}]", f"view {view.name} has no feature {name}")
    return view, list(dict.fromkeys(names)) or [feature.name for feature in view.features]
