"""Values that are stored as JSON."""

import json
import math
from collections.abc import Mapping, Sequence

from fp_monitor.domain.hysteresis import Level, Streak
from fp_monitor.domain.metric import DriftKind, Method, Metric, Severity
from fp_monitor.domain.thresholds import Threshold


def thresholds_to_text(thresholds: Sequence[Threshold]) -> str:
    return json.dumps([[each.kind, each.method, each.warn, each.critical] for each in thresholds])


def thresholds_from_text(text: str) -> tuple[Threshold, ...]:
    return tuple(
        Threshold(DriftKind(kind), Method(method), warn, critical) for kind, method, warn, critical in json.loads(text)
    )


def levels_to_text(levels: Mapping[DriftKind, Level]) -> str:
    return json.dumps(
        {
            kind: {
                "severity": int(level.severity),
                "good": level.good,
                "quality": int(level.quality),
                "bad": {name: [streak.windows, int(streak.severity)] for name, streak in level.bad.items()},
            }
            for kind, level in levels.items()
        }
    )


def levels_from_text(text: str) -> dict[DriftKind, Level]:
    return {
        DriftKind(kind): Level(
            Severity(level["severity"]),
            level["good"],
            {name: Streak(windows, Severity(severity)) for name, (windows, severity) in level["bad"].items()},
            Severity(level.get("quality", Severity.OK)),
        )
        for kind, level in json.loads(text).items()
    }


def metrics_to_text(metrics: Sequence[Metric]) -> str:
    return json.dumps(
        [
            [
                each.name,
                each.method,
                _finite(each.score),
                _finite(each.baseline_value),
                _finite(each.current_value),
                int(each.severity),
                _finite(each.p_value),
            ]
            for each in metrics
        ]
    )


def metrics_from_text(text: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(name, Method(method), _number(score), _number(then), _number(now), Severity(severity), _number(p_value))
        for name, method, score, then, now, severity, p_value in json.loads(text)
    )


def _finite(value: float) -> float | None:
    """JSON has no infinity: a statistic that became one must not prevent its window from closing."""
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
