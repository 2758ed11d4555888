"""Ports of reads: the projection, and Postgres in the same shape."""

from dataclasses import dataclass
from typing import Protocol

from fp_kernel import PageRequest

from fp_registry.domain.model import Model
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import Version

Document = bytes
"""A model or a version in the shape in which reads answer it; opaque here."""


class Documents(Protocol):
    """How models and versions become what reads answer."""

    def model(self, model: Model) -> Document: ...

    def version(self, version: Version) -> Document:
        """Without the baseline itself; it says whether there is one."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """One model; by id when it is given, else by name."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class VersionRef:
    """One version; by id when it is given, else by model and name, else the newest of the model in a stage."""

    id: str = ""
    model_id: str = ""
    name: str = ""
    stage: Stage | None = None


@dataclass(frozen=True, slots=True)
class ModelFilter:
    """Empty texts and None are any. tag: key and value. archived: whether archived models are shown too."""

    framework: str = ""
    task_type: str = ""
    tag: tuple[str, str] | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class EnsembleFilter:
    """Ensembles that run a version: one by its id, or any of a model. archived: also those that are out of use."""

    version_id: str = ""
    model_id: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True)
class EnsembleUse:
    """An ensemble that runs what was asked for. steps: what it calls it. model_archived: its own model is."""

    model_id: str
    model: str
    version_id: str
    version: str
    stage: Stage
    model_archived: bool
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """One page, newest first. after: sort key of the last row when there are more, else empty."""

    documents: tuple[Document, ...]
    after: str = ""


class ReadModel(Protocol):
    """What reads ask. None: not there, or not known to be there."""

    async def model(self, team: str, ref: ModelRef) -> Document | None: ...

    async def version(self, team: str, ref: VersionRef) -> Document | None: ...

    async def models(self, team: str, models: ModelFilter, page: PageRequest) -> Rows | None: ...

    async def count(self, team: str, models: ModelFilter) -> int | None:
        """How many models the filter matches."""

    async def versions(self, team: str, model_id: str, stage: Stage | None, page: PageRequest) -> Rows | None:
        """None when the model is not there."""


class Projection(ReadModel, Protocol):
    """The read model that is fed by events. Every method raises Unavailable while its store is away."""

    async def revision(self, team: str, model_id: str) -> int:
        """Up to which revision of the model everything is here; 0 when nothing is."""
