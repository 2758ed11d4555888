"""Ports of the registry's use-cases."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fp_kernel import Command, PageRequest
from fp_kernel.ensembles import Ensemble

from fp_registry.app.read_ports import EnsembleFilter, EnsembleUse, VersionRef
from fp_registry.domain.artifact import Measured
from fp_registry.domain.events import DomainEvent
from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.version import Made, Version


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """An upload that is to be measured.

    correlation_id, trace: of the call that confirmed it. attempts: how often it was taken, this time included.
    """

    version_id: str
    team: str
    expected_digest: str
    requested_by: str
    correlation_id: str
    trace: Mapping[str, str]
    attempts: int = 0


class Models(Protocol):
    async def add(self, model: Model) -> bool:
        """False when the name is taken in the team."""

    async def lock(self, team: str, model_id: str) -> Model | None:
        """Nobody else changes the model or its versions until the transaction ends."""

    async def lock_of(self, team: str, version_id: str) -> Model | None:
        """The model of a version, locked like `lock`."""

    async def hold(self, team: str, model_ids: Collection[str]) -> frozenset[str]:
        """Those of them that are there and not archived; nobody archives those until the transaction ends."""

    async def save(self, model: Model) -> None: ...


class Versions(Protocol):
    async def add(self, version: Version) -> bool:
        """False when the name is taken in the model."""

    async def find(self, team: str, version_id: str) -> Version | None: ...

    async def in_production(self, model: Model) -> Version | None: ...

    async def last_in_production(self, model: Model) -> Version | None:
        """The version that was last in PRODUCTION and is not now."""

    async def save(self, version: Version) -> None:
        """What changes of any version."""

    async def compose(self, version: Version) -> None:
        """Members and signature, of an ensemble that becomes READY."""

    async def member_models(self, model: Model) -> Mapping[str, str]:
        """Name by id of each other model that an ensemble of this one runs a version of; of those not ARCHIVED."""

    async def used_by(self, model: Model) -> tuple[str, str] | None:
        """Model and name of an ensemble in use that runs a version of the model, and is of another one."""


class Tenures(Protocol):
    """Spans of time in which a version was in PRODUCTION."""

    async def begin(self, model: Model, version: Version, by: str) -> None:
        """From the model's time of change on."""

    async def end(self, model: Model) -> None:
        """Whoever is in PRODUCTION is so until the model's time of change."""


class PendingUploads(Protocol):
    """Uploads that are to be measured in the background."""

    async def add(self, pending: PendingUpload) -> None:
        """A second one of the version replaces the expected digest when it names one."""

    async def expected_digest(self, version_id: str) -> str:
        """What is expected by now; empty when no digest was named or nothing is pending."""

    async def remove(self, version_id: str) -> None:
        """It was measured."""


class Contents(Protocol):
    """Objects below `sha256/`, as versions refer to them."""

    async def refer(self, key: str) -> bool:
        """That a version refers to a content from this change on. False when it is or was deleted meanwhile."""


class Unprojected(Protocol):
    """Models whose last change has no event: the projection finds them here."""

    async def add(self, model: Model) -> None: ...


class Outbox(Protocol):
    def add(self, event: DomainEvent) -> None:
        """Publish the event, if and only if the transaction commits."""


class Transaction(Protocol):
    """One change of one model, its events and the command's answer: all or nothing."""

    @property
    def models(self) -> Models: ...

    @property
    def versions(self) -> Versions: ...

    @property
    def tenures(self) -> Tenures: ...

    @property
    def uploads(self) -> PendingUploads: ...

    @property
    def contents(self) -> Contents: ...

    @property
    def unprojected(self) -> Unprojected: ...

    @property
    def outbox(self) -> Outbox: ...

    async def complete(self, result: object) -> None:
        """What the command answers, now and when it is repeated."""


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Raises fp_kernel.Replayed when the command was done before."""


class Records(Protocol):
    """Reads of the write side, for decisions that must not be stale."""

    async def version(self, team: str, version_id: str) -> Version | None:
        """Without signature and baseline."""

    async def framework(self, team: str, model_id: str) -> str:
        """Of the model; empty when it is not there."""

    async def made(self, version: Version, ensemble: Ensemble) -> Made:
        """What the version is made of. Raises InvalidArgument naming what no runtime could serve."""

    async def ensembles(
        self, team: str, wanted: EnsembleFilter, page: PageRequest
    ) -> tuple[Sequence[EnsembleUse], str]:
        """Newest first, and the sort key to go on from."""

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


class ContentClaims(Protocol):
    """Objects below `sha256/` that no version refers to, or not yet."""

    async def claim(self, key: str, lease: timedelta) -> bool:
        """That somebody is about to store it; False while it is being deleted."""

    async def doom(self, limit: int) -> Sequence[str]:
        """Those that nobody claims and no version refers to. From now on nobody can claim them, until `forget`.

        Those of an earlier call that were not forgotten come again after some minutes.
        """

    async def forget(self, keys: Sequence[str]) -> None:
        """They are deleted."""


class UploadQueue(Protocol):
    async def take(self, lease: timedelta) -> PendingUpload | None:
        """The one that waits longest; nobody else gets it during the lease."""

    async def extend(self, version_id: str, lease: timedelta) -> None:
        """Hold it for another lease."""

    async def put_back(self, version_id: str, delay: timedelta) -> None: ...


Observe = Callable[[str], None]
"""Counts one outcome by its name."""
