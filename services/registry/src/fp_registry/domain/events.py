"""Events of models and versions, as domain values."""

from dataclasses import dataclass
from datetime import datetime

from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Move
from fp_registry.domain.version import Version


@dataclass(frozen=True, slots=True)
class ModelRegistered:
    model: Model


@dataclass(frozen=True, slots=True)
class VersionCreated:
    model: Model
    version: Version


@dataclass(frozen=True, slots=True)
class VersionReady:
    model: Model
    version: Version
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VersionPromoted:
    """Any move between stages."""

    move: Move
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ModelArchived:
    model: Model
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ModelRestored:
    model: Model
    by: str
    at: datetime


DomainEvent = ModelRegistered | VersionCreated | VersionReady | VersionPromoted | ModelArchived | ModelRestored
