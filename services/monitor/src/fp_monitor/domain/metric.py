"""Metrics of drift, with their severity."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class DriftKind(StrEnum):
    """What drifted: the inputs, the answers, or how right they are."""

    DATA = "DATA"
    PREDICTION = "PREDICTION"
    PERFORMANCE = "PERFORMANCE"


class Method(StrEnum):
    """How drift is measured. UNSPECIFIED: the share of a performance metric that was lost."""

    UNSPECIFIED = "UNSPECIFIED"
    PSI = "PSI"
    KL = "KL"
    KS = "KS"


class Severity(IntEnum):
    OK = 1
    WARNING = 2
    CRITICAL = 3


class MonitorState(StrEnum):
    """PENDING_BASELINE: no version with a profile is in production. WARMING_UP: no window has been judged yet."""

    PENDING_BASELINE = "PENDING_BASELINE"
    WARMING_UP = "WARMING_UP"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Metric:
    """score: compared with the thresholds. p_value: corrected for the number of comparisons; 1 when not judged.

    baseline_value, current_value: what it was and what it is; of a distribution the share of the cell that moved most.
    severity: OK unless the score passes a threshold AND is more than chance.
    """

    name: str
    method: Method
    score: float
    baseline_value: float
    current_value: float
    severity: Severity = Severity.OK
    p_value: float = 1.0


def worst(metrics: Iterable[Metric]) -> Severity:
    return max((metric.severity for metric in metrics), default=Severity.OK)
