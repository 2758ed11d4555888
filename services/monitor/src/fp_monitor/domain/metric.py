"""One statistic of a window."""

from collections.abc import Iterable
from dataclasses import dataclass

from fp_monitor.domain.kinds import Method, Severity


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
