"""A feature view as its log makes it."""

from dataclasses import dataclass

from fp_kernel import FailedPrecondition, invalid

from fp_featurestore.domain import text
from fp_featurestore.domain.features import Definition, Entity, Feature, Schema, ValueType
from fp_featurestore.domain.instants import FIRST, Instant

MAX_FEATURES = 500
MAX_DIMENSION = 4_096
# A view is read whole by everybody who writes to it or reads from it, and lists have a hundred of them.
MAX_DESCRIBED_BYTES = 128 * 1024
MIN_RETENTION = 86_400 * 1_000_000
MAX_RETENTION = 36_500 * MIN_RETENTION
MAX_TTL = 3_650 * 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class ViewHead:
    """What it takes to tell whether a copy of the view is behind."""

    id: str
    team: str
    version: int
    online_ttl: int


@dataclass(frozen=True, slots=True)
class View:
    """schemas: every schema version, the first at 0: rows stay readable by the one they were written with.

    online_ttl: microseconds after its event time that a value is served online; 0 is for ever.
    retention: microseconds for which history is kept; 0 is for ever. The newest row of an entity is always kept.
    version: of its log. recorded_at: of the log's last event; never goes back.
    """

    id: str
    team: str
    name: str
    description: str
    entity: Entity
    schemas: tuple[Schema, ...]
    online_ttl: int
    owner_id: str
    created_at: Instant
    updated_at: Instant
    version: int
    recorded_at: Instant
    deleted_at: Instant | None = None
    retention: int = 0

    @property
    def revision(self) -> int:
        """Grows with each definition; writes leave it as it is."""
        return self.updated_at

    @property
    def schema_version(self) -> int:
        return len(self.schemas)

    @property
    def features(self) -> Schema:
        return self.schemas[-1]

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def definition(self) -> Definition:
        return Definition(self.name, self.entity, self.features, self.description, self.online_ttl, self.retention)

    @property
    def head(self) -> ViewHead:
        return ViewHead(self.id, self.team, self.version, self.online_ttl)

    def oldest(self, at: Instant) -> Instant:
        """The least event time of a value that was served online at this time."""
        return at - self.online_ttl + 1 if self.online_ttl else FIRST

    def served(self, event_time: Instant, now: Instant) -> bool:
        """Whether a value of this event time is still served online."""
        return not self.online_ttl or event_time + self.online_ttl > now


def check_definition(definition: Definition) -> None:
    """Raises InvalidArgument naming the field that breaks a rule."""
    text.check_name(definition.name, "name")
    text.check_description(definition.description, "description")
    text.check_name(definition.entity.name, "entity.name")
    text.check_name(definition.entity.join_key, "entity.join_key")
    text.check_description(definition.entity.description, "entity.description")
    if not 0 <= definition.online_ttl <= MAX_TTL:
        raise invalid("online_ttl", "must be 0 to ten years")
    if definition.retention and not MIN_RETENTION <= definition.retention <= MAX_RETENTION:
        raise invalid("retention", "must be 0 (for ever) or a day to a hundred years")
    if not definition.features:
        raise invalid("features", "must not be empty")
    if len(definition.features) > MAX_FEATURES:
        raise invalid("features", f"at most {MAX_FEATURES} features")
    described = sum(len(feature.name.encode()) + len(feature.description.encode()) for feature in definition.features)
    if described > MAX_DESCRIBED_BYTES:
        raise invalid("features", f"have {described} bytes of names and descriptions, at most {MAX_DESCRIBED_BYTES}")
    seen: set[str] = set()
    for index, feature in enumerate(definition.features):
        _check_feature(feature, f"features[{index}]")
        if feature.name in seen:
            raise invalid(f"features[{index}].name", f"{feature.name} is there twice")
        seen.add(feature.name)


def _check_feature(feature: Feature, field: str) -> None:
    text.check_name(feature.name, f"{field}.name")
    text.check_description(feature.description, f"{field}.description")
    if not 0 <= feature.dimension <= MAX_DIMENSION:
        raise invalid(f"{field}.dimension", f"must be 0 to {MAX_DIMENSION}")
    if feature.dimension and feature.type is not ValueType.DOUBLE_LIST:
        raise invalid(f"{field}.dimension", "only a DOUBLE_LIST has one")


def check_change(view: View, definition: Definition) -> None:
    """Whether rows written so far stay readable under the new definition.

    Raises FailedPrecondition for another join key, InvalidArgument naming a feature that changes its type.
    """
    if (view.entity.name, view.entity.join_key) != (definition.entity.name, definition.entity.join_key):
        raise FailedPrecondition(
            f"view {view.name} describes {view.entity.name} by {view.entity.join_key}; that cannot change",
            reason="ENTITY_CHANGED",
        )
    known = {feature.name: feature.shape for schema in view.schemas for feature in schema}
    for index, feature in enumerate(definition.features):
        if known.get(feature.name, feature.shape) != feature.shape:
            was = known[feature.name]
            raise invalid(
                f"features[{index}].value_type",
                f"{feature.name} is or was {was[0]}" + (f" of {was[1]}" if was[1] else "") + "; use another name",
            )
