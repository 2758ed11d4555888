"""Scores at which a kind of drift is worth a warning or critical."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fp_kernel import invalid

from fp_monitor.domain.metric import DriftKind, Method, Severity

_MOST = 16


@dataclass(frozen=True, slots=True)
class Threshold:
    kind: DriftKind
    method: Method
    warn: float
    critical: float

    def level(self, score: float) -> Severity:
        if score >= self.critical:
            return Severity.CRITICAL
        return Severity.WARNING if score >= self.warn else Severity.OK


# The population stability index has had these two marks since credit scoring: 0.1 a moderate shift, 0.25 a major one.
# Performance is measured as the share of the held-out value that was lost: 5 % is what weeks differ by, 10 % is harm.
DEFAULTS = (
    Threshold(DriftKind.DATA, Method.PSI, 0.1, 0.25),
    Threshold(DriftKind.PREDICTION, Method.PSI, 0.1, 0.25),
    Threshold(DriftKind.PERFORMANCE, Method.UNSPECIFIED, 0.05, 0.1),
)


def check_thresholds(thresholds: Sequence[Threshold]) -> None:
    """Raises InvalidArgument naming the threshold that breaks a rule."""
    if len(thresholds) > _MOST:
        raise invalid("thresholds", f"at most {_MOST}")
    seen: set[tuple[DriftKind, Method]] = set()
    for index, threshold in enumerate(thresholds):
        path = f"thresholds[{index}]"
        performance = threshold.kind is DriftKind.PERFORMANCE
        if performance and threshold.method is not Method.UNSPECIFIED:
            raise invalid(f"{path}.method", "must be left out for performance: its score is the share that was lost")
        if not performance and threshold.method is Method.UNSPECIFIED:
            raise invalid(f"{path}.method", "is required for data and prediction drift")
        if not (math.isfinite(threshold.warn) and threshold.warn > 0):
            raise invalid(f"{path}.warn_score", "must be a number above 0")
        if not (math.isfinite(threshold.critical) and threshold.critical >= threshold.warn):
            raise invalid(f"{path}.critical_score", "must be a number, and at least warn_score")
        if (threshold.kind, threshold.method) in seen:
            raise invalid(path, "is given twice for this kind and method")
        seen.add((threshold.kind, threshold.method))


def effective(thresholds: Sequence[Threshold]) -> tuple[Threshold, ...]:
    """What was configured; the defaults for each kind of which nothing was said."""
    said = {threshold.kind for threshold in thresholds}
    return (*thresholds, *(threshold for threshold in DEFAULTS if threshold.kind not in said))
