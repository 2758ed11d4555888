"""Everything the stores in memory hold: frozen values in dictionaries, so that a failed transaction can be undone."""

from dataclasses import dataclass, field
from datetime import datetime

from fp_pipeline.domain.definition import Pipeline
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.execution import Execution, Transition
from fp_pipeline.domain.logs import LogLine
from fp_pipeline.domain.promotion import Promotion
from fp_pipeline.domain.statistics import Bucket, Gap


@dataclass(frozen=True, slots=True)
class HeldLease:
    """until: on the monotonic clock."""

    holder: str
    token: int
    until: float


@dataclass(slots=True)
class MemoryState:
    """deleted: pipelines that are, and since when. turns: execution id by team and model.

    retrains: the same by team and report. promotions: by team and model.
    """

    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    deleted: dict[str, datetime] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    leases: dict[str, HeldLease] = field(default_factory=dict)
    transitions: dict[tuple[str, int], Transition] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    turns: dict[tuple[str, str], str] = field(default_factory=dict)
    logs: dict[tuple[str, str, int], LogLine] = field(default_factory=dict)
    requests: dict[Bucket, int] = field(default_factory=dict)
    retrains: dict[tuple[str, str], str] = field(default_factory=dict)
    promotions: dict[tuple[str, str], Promotion] = field(default_factory=dict)
    gaps: dict[Gap, str] = field(default_factory=dict)
