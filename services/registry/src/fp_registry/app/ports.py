"""What the use-cases need from the outside."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fp_kernel import Command, PageRequest

from fp_registry.domain.artifact import Measured
from fp_registry.domain.events import DomainEvent
from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Move, Tenure
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import Version

Document = bytes
"""A model or a version in the shape in which reads answer it; opaque here."""


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """The pending that an upload be measured.

    correlation_id, trace: of the call that wished it. attempts: how often it was taken, this time included.
    """

    version_id: str
    team: str
    expected_digest: str
    requested_by: str
    correlation_id: str
    trace: Mapping[str, str]
    attempts: int = 0


class Transaction(Protocol):
    """One change of one model, its events and the command's answer: all or nothing."""

    async def add_model(self, model: Model) -> bool:
        """False when the name is taken in the team."""

    async def model(self, team: str, model_id: str) -> Model | None:
        """Locked against other changes of the model or its versions until the end."""

    async def model_of(self, team: str, version_id: str) -> Model | None:
        """The model of a version; locked like `model`."""

    async def save_model(self, model: Model) -> None: ...

    async def version(self, team: str, version_id: str) -> Version | None: ...

    async def add_version(self, version: Version) -> bool:
        """False when the name is taken in the model."""

    async def save_version(self, version: Version) -> None: ...

    async def production(self, model: Model) -> Version | None:
        """The version in PRODUCTION."""

    async def last_production(self, model: Model) -> Version | None:
        """The version that was last in PRODUCTION and is not now."""

    async def save_move(self, move: Move, by: str) -> None:
        """The versions, the model and the tenures of a move; who leaves PRODUCTION leaves before who enters."""

    async def end_tenure(self, model: Model) -> None:
        """Whoever is in PRODUCTION is so until now."""

    async def measure_later(self, pending: PendingUpload) -> None:
        """Keep the pending that an upload be measured; a second one replaces the digest when it names one."""

    async def expected_digest(self, version_id: str) -> str:
        """What the pending expects by now; empty when it names no digest or there is no pending."""

    async def measured(self, version: Version) -> None:
        """The pending is fulfilled."""

    async def refer(self, key: str) -> bool:
        """That a version refers to a content from this change on. False when it is or was deleted meanwhile."""

    async def note_unprojected(self, model: Model) -> None:
        """This change has no event; the projection must hear of it in another way."""

    def emit(self, event: DomainEvent) -> None:
        """Leaves for the bus with the change."""

    async def complete(self, result: object) -> None:
        """What the command answers, now and when it is repeated."""


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Raises fp_kernel.Replayed when the command was done before."""


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


class Records(Protocol):
    """Reads of the write side, for decisions that must not be stale."""

    async def version(self, team: str, version_id: str) -> Version | None:
        """Without signature and baseline."""

    async def framework(self, team: str, model_id: str) -> str:
        """Of the model; empty when it is not there."""

    async def wait_for_changes(self, team: str, ref: VersionRef) -> None:
        """Waits until the changes of the version's model that are under way have ended, each way."""

    async def baseline(self, team: str, version_id: str) -> bytes: ...

    async def revision(self, team: str, model_id: str) -> int:
        """The model's latest; 0 when it is not there."""

    async def waiting_since_before(self, moment: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Team and id of versions made before it that wait for an artifact and for no measurement, oldest first."""

    async def tenures(self, team: str, model_id: str, page: PageRequest) -> tuple[Sequence[Tenure], str] | None:
        """Newest first, and the sort key to go on from; None when the model is not there."""

    async def tenure_at(self, team: str, model_id: str, moment: datetime) -> Sequence[Tenure] | None:
        """The one that held then, if any; None when the model is not there."""


@dataclass(frozen=True, slots=True)
class Upload:
    """etag: of the content, so that a later step can insist on it."""

    etag: str
    size_bytes: int


class UploadChanged(Exception):
    """The object was written again while it was looked at."""


class Artifacts(Protocol):
    """Objects; every method but the URLs raises Unavailable while the store is away."""

    def upload_url(self, key: str, ttl: timedelta) -> str: ...

    def download_url(self, key: str, ttl: timedelta) -> str: ...

    async def look(self, key: str) -> Upload | None:
        """None when there is no such object."""

    async def measure(self, key: str, upload: Upload, *, served: bool) -> Measured:
        """Read the whole object, once. served: whether a runtime must be able to serve it.

        Raises UploadChanged unless it is the upload that was looked at.
        """

    async def adopt(self, key: str, upload: Upload, measured: Measured) -> None:
        """Copy the upload to its content's key. Raises UploadChanged like `measure`."""

    async def discard(self, key: str) -> None:
        """Delete the object; failing to is no error."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error. Nothing is deleted after this has ended."""


class Contents(Protocol):
    """Objects below `sha256/` that no version refers to, or not yet."""

    async def claim(self, key: str, lease: timedelta) -> bool:
        """That somebody is about to store it; False while it is being deleted."""

    async def doom(self, limit: int) -> Sequence[str]:
        """Those that nobody claims and no version refers to. From now on nobody can claim them, until `forget`.

        Those of an earlier call that were not forgotten come again after some minutes.
        """

    async def forget(self, keys: Sequence[str]) -> None:
        """They are deleted."""


class PendingUploads(Protocol):
    async def take(self, lease: timedelta) -> PendingUpload | None:
        """The one that waits longest; nobody else gets it during the lease."""

    async def extend(self, version_id: str, lease: timedelta) -> None:
        """Hold it for another lease."""

    async def put_back(self, version_id: str, delay: timedelta) -> None: ...


Observe = Callable[[str], None]
"""Counts one outcome by its name."""
