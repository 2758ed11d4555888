"""The words of this domain."""

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
