"""The other services and machines that steps work with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from fp_pipeline.domain.machine import ANY, Machine
from fp_pipeline.domain.replicas import ONE, Replicas
from fp_pipeline.domain.traffic import Split, Weights


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf a step calls others."""

    team: str
    user_id: str


class Stage(StrEnum):
    DEV = "DEV"
    STAGING = "STAGING"
    PRODUCTION = "PRODUCTION"
    ARCHIVED = "ARCHIVED"


class VersionStatus(StrEnum):
    PENDING_UPLOAD = "PENDING_UPLOAD"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """signature: serialised as the registry gave it, empty when it has none. inputs: names of its tensors.

    archived: whether the whole model is.
    """

    model_id: str
    model_name: str
    version_id: str
    version: str
    status: VersionStatus
    stage: Stage
    digest: str
    failure_reason: str = ""
    signature: bytes = b""
    inputs: frozenset[str] = frozenset()
    archived: bool = False
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model by its name, or by its id where the name is empty."""

    name: str
    id: str = ""

    def __str__(self) -> str:
        return self.name or self.id


class Versions(Protocol):
    async def version(self, actor: Actor, model: ModelRef, version: str) -> ModelVersion:
        """Raises NotFound naming what is missing."""

    async def by_id(self, actor: Actor, version_id: str) -> ModelVersion: ...

    async def in_production(self, actor: Actor, model_id: str) -> str:
        """Id of the version in PRODUCTION; empty when there is none."""


class Promotions(Versions, Protocol):
    async def settled(self, actor: Actor, version_id: str) -> ModelVersion:
        """A READY version after every change of it that is under way; other reads may lag behind those."""

    async def promote(self, actor: Actor, version_id: str, stage: Stage, key: str) -> None: ...

    async def roll_back(self, actor: Actor, model_id: str, key: str) -> None:
        """Bring the version back that was in PRODUCTION before."""


@dataclass(frozen=True, slots=True)
class ModelDraft:
    name: str
    framework: str
    task_type: str
    description: str


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """profile: JSON of signature and baseline profile as the training job put it; empty for none."""

    model_id: str
    run_id: str
    description: str
    metrics: Mapping[str, float]
    profile: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """url: presigned PUT."""

    version_id: str
    version: str
    url: str


class Registrations(Versions, Protocol):
    async def ensure_model(self, actor: Actor, draft: ModelDraft, key: str) -> str:
        """Id of the model of this name; registered when it is missing."""

    async def create_version(self, actor: Actor, draft: VersionDraft, key: str) -> Upload: ...

    async def confirm_upload(self, actor: Actor, version_id: str, digest: str, key: str) -> ModelVersion: ...


class Registry(Registrations, Promotions, Protocol):
    """All that the steps ask of the registry."""


class Traffic(Protocol):
    """Moves traffic."""

    async def shares(self, actor: Actor, model_name: str) -> Split:
        """How the traffic is divided now, whoever decided it; empty when no version gets any."""

    async def split(
        self, actor: Actor, model_name: str, weights: Weights, key: str, expected: int | None = None
    ) -> None:
        """expected: the revision of the route that the weights were made of; None for whatever there is.

        Raises FailedPrecondition while a version is not known as a target yet, Aborted when the route was changed.
        """


@dataclass(frozen=True, slots=True)
class RuntimeSpec:
    """shared: whether other models of the team may be in the same process; never where there are several replicas.

    machine: what each replica asks for.
    """

    team: str
    version_id: str
    model_name: str
    version: str
    shared: bool = False
    replicas: Replicas = ONE
    machine: Machine = ANY


class ModelRuntime(Protocol):
    """Runs model versions: a Deployment in Kubernetes, a process of the supervisor on a laptop."""

    async def start(self, name: str, spec: RuntimeSpec) -> str:
        """Target by gRPC's naming: `host:port` of one process, `ipv4:host:port,host:port` of several whose addresses
        stay, `dns:///name:port` where each address of the name is a replica that is ready (ADR 0235). The same for the
        same name and number of replicas; idempotent; returns before the runtime is ready. Asked for more than there are
        it adds those that are missing; asked for fewer it names so many, and the others go on until `trim`.
        """

    async def stop(self, name: str) -> None:
        """An unknown name is fine."""

    async def trim(self, name: str, replicas: Replicas) -> bool:
        """End what `start` left of a time when more were asked for; they have no calls any more. Whether all that are
        asked for are ready, as far as whoever keeps them counts them.
        """

    async def running(self) -> Mapping[str, str]:
        """Target by name of every runtime of ours, also of one that starts again."""

    async def outdated(self) -> frozenset[str]:
        """Names of those that would be started otherwise today, such as from another image: `start` makes them so, and
        what they serve is served meanwhile.
        """


class ServedState(StrEnum):
    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Served:
    """reason: why it failed. alone: it may fare better in a process of its own.

    signature, inputs, optional: of the loaded model, once it is ready; an input is in one.
    """

    state: ServedState
    reason: str = ""
    signature: bytes = b""
    inputs: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    alone: bool = False


class Probe(Protocol):
    async def look(self, actor: Actor, address: str, spec: RuntimeSpec) -> Served:
        """What the runtime at the target says of the version, which it begins to load when it is shared; of several
        replicas what the slowest says.

        Raises Unavailable while it does not answer.
        """

    async def outcasts(self, team: str, address: str) -> frozenset[str]:
        """Ids of versions that the shared runtime at the address refuses beside others. Raises Unavailable."""


class JobState(StrEnum):
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Job:
    """reason: why it FAILED. lines: of its log so far. seconds: for which it ran, once it has ended."""

    state: JobState
    reason: str = ""
    lines: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class JobSpec:
    """module: what runs. team, execution_id, step_id: whose it is. deadline: seconds after which it is ended, though
    nobody asks for that.
    """

    module: str
    environment: Mapping[str, str]
    team: str
    execution_id: str
    step_id: str
    deadline: float
    machine: Machine = ANY


class JobRunner(Protocol):
    """Runs a process once: a Job in Kubernetes, a child of the supervisor on a laptop."""

    async def find(self, name: str) -> Job | None: ...

    async def start(self, name: str, spec: JobSpec) -> Job:
        """Idempotent by name, also when it has ended. Raises AlreadyExists when the name has another module."""

    async def stop(self, name: str) -> None:
        """Returns when it has ended; an unknown name is fine."""

    async def log(self, name: str, after_line: int, limit: int) -> Sequence[str]:
        """Lines after the first `after_line` ones; none for an unknown name."""


class JobTokens(Protocol):
    async def issue(
        self, actor: Actor, execution_id: str, step_id: str, ttl: float, permissions: Sequence[str] = ()
    ) -> str:
        """permissions: beyond those of every job. Raises PermissionDenied for one that the user has not himself."""


class SecretValues(Protocol):
    async def resolve(self, team: str, user_id: str, references: Sequence[str], *, purpose: str) -> Mapping[str, bytes]:
        """By reference. purpose: id of what they are for. Raises NotFound, FailedPrecondition naming a reference."""


class ArtifactStore(Protocol):
    """As `fp_s3.ObjectStore`; every call but those for URLs raises Unavailable while the store is away."""

    def download_url(self, key: str, life: timedelta) -> str: ...

    def upload_url(self, key: str, life: timedelta) -> str: ...

    async def get(self, key: str, *, limit: int) -> bytes | None:
        """None when it is not there. Raises InvalidArgument when it is larger than `limit` bytes."""

    async def put(self, key: str, content: bytes, *, content_type: str = ...) -> None: ...

    async def digest(self, key: str) -> str:
        """`sha256:<hex>` of the content. Raises NotFound."""

    async def send(self, key: str, url: str) -> None:
        """Send the content to a presigned URL.

        Raises NotFound for the key, PermissionDenied for a URL that is not valid (any more).
        """
