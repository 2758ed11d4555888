"""A model version that runs, and what the pipeline decided about its traffic."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fp_pipeline.domain.machine import ANY, Machine
from fp_pipeline.domain.promotion import Promotion
from fp_pipeline.domain.replicas import ONE, Replicas


class UndeployReason(StrEnum):
    ROLLBACK = "rollback"
    SUPERSEDED = "superseded"
    ARCHIVED = "archived"
    OBJECTIVE = "objective"
    """The version was promoted and did not keep what was asked of it."""


class DeploymentState(StrEnum):
    """LIVE may get traffic; DRAINING gets none and ends soon; GONE has no runtime."""

    LIVE = "LIVE"
    DRAINING = "DRAINING"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Deployment:
    """runtime: name of the runtime, unique. endpoint: its target, as `ModelRuntime.start` gives it.

    signature: as the registry keeps it, serialised. sequence: of the newest event about the version; the newest wins.
    shared: whether other models of the team may be in the runtime's process.
    scaling: what runs may not follow `replicas` yet. trim_at: when what is too much, and gets no new calls, may end.
    """

    runtime: str
    team: str
    model_id: str
    model_name: str
    version_id: str
    version: str
    endpoint: str
    weight_bps: int
    execution_id: str
    deployed_at: datetime
    signature: bytes = b""
    artifact_digest: str = ""
    state: DeploymentState = DeploymentState.LIVE
    sequence: int = 0
    shared: bool = False
    replicas: Replicas = ONE
    machine: Machine = ANY
    stop_at: datetime | None = None
    scaling: bool = False
    trim_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deploy:
    """A runtime is ready. Its weight is everything when the model has no other live version, else nothing."""

    deployment: Deployment


@dataclass(frozen=True, slots=True)
class SetWeights:
    """weights: basis points by version of the model's live deployments."""

    team: str
    model_name: str
    weights: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Undeploy:
    """The deployment gets no more traffic; its runtime may stop `drain` seconds later."""

    runtime: str
    reason: UndeployReason
    drain: float


@dataclass(frozen=True, slots=True)
class Supersede:
    """Every other live deployment of the model goes, at the end of a saga that promoted one; those that had traffic
    before stay warm until the promotion can no longer be taken back.
    """

    promotion: Promotion
    drain: float


DeploymentChange = Deploy | SetWeights | Undeploy | Supersede
