"""What the write side keeps."""

from dataclasses import dataclass, field
from datetime import datetime

from fp_registry.app.ports import Verification
from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.version import Version


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wish, and when it may be taken; at once when None."""

    wish: Verification
    due_at: datetime | None = None


@dataclass(slots=True)
class State:
    """tenures: by model, oldest first. unprojected: revision by model. verifications: by version."""

    models: dict[str, Model] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    tenures: dict[str, tuple[Tenure, ...]] = field(default_factory=dict)
    unprojected: dict[str, int] = field(default_factory=dict)
    verifications: dict[str, Waiting] = field(default_factory=dict)

    def model(self, team: str, model_id: str) -> Model | None:
        found = self.models.get(model_id)
        return found if found and found.team == team else None

    def version(self, team: str, version_id: str) -> Version | None:
        found = self.versions.get(version_id)
        return found if found and found.team == team else None

    def versions_of(self, model_id: str) -> list[Version]:
        """Newest first."""
        found = (version for version in self.versions.values() if version.model_id == model_id)
        return sorted(found, key=lambda version: version.ordinal, reverse=True)
