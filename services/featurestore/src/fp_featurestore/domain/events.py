"""The events of the feature store."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_featurestore.domain.instants import Instant
from fp_featurestore.domain.view import View


@dataclass(frozen=True, slots=True)
class DefinedView:
    view: View
    by: str
    at: Instant


@dataclass(frozen=True, slots=True)
class WrittenFeatures:
    """view: after the write. entity_ids: of all rows, in their order."""

    view: View
    entity_ids: Sequence[str]
    by: str
    at: Instant


DomainEvent = DefinedView | WrittenFeatures
