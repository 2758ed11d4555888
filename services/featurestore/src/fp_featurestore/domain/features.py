"""Feature views and their features."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ValueType(StrEnum):
    INT64 = "INT64"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    BOOL = "BOOL"
    TIMESTAMP = "TIMESTAMP"
    DOUBLE_LIST = "DOUBLE_LIST"
    STRUCT = "STRUCT"


@dataclass(frozen=True, slots=True)
class Entity:
    """What a view describes. join_key: the column by which others know it."""

    name: str
    join_key: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """dimension: length of a DOUBLE_LIST; 0 allows any."""

    name: str
    type: ValueType
    description: str = ""
    dimension: int = 0

    @property
    def shape(self) -> tuple[ValueType, int]:
        """What may not change as long as values of the feature are kept."""
        return self.type, self.dimension


Schema = tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """What a caller says of a view. online_ttl, retention: microseconds; 0 is for ever."""

    name: str
    entity: Entity
    features: Schema
    description: str = ""
    online_ttl: int = 0
    retention: int = 0


Values = Mapping[str, object]
"""By feature name: float, str, bool, list, dict or None, as JSON has them."""
