"""An alarm goes on when the same thing is wrong in consecutive windows, and off when nothing is for some."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fp_monitor.domain.metric import DriftKind, Metric, Severity

# A week of weather differs from the next without meaning anything; labels say directly what was lost.
RAISE_AFTER = {DriftKind.DATA: 2, DriftKind.PREDICTION: 2, DriftKind.PERFORMANCE: 1}
CLEAR_AFTER = 2


@dataclass(frozen=True, slots=True)
class Streak:
    """Windows in a row in which one thing was wrong, and how bad it was in the last of them."""

    windows: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class Level:
    """severity: what windows said. good: windows in a row without alarm. bad: by name of the metric.

    quality: what the newest blocks of inputs say, whatever their window will.
    """

    severity: Severity = Severity.OK
    good: int = 0
    bad: Mapping[str, Streak] = field(default_factory=dict)
    quality: Severity = Severity.OK

    @property
    def shown(self) -> Severity:
        """What a model's health shows."""
        return max(self.severity, self.quality)


def step(level: Level, kind: DriftKind, metrics: Iterable[Metric]) -> tuple[Level, Severity]:
    """The level after a window with these metrics, and what the window's report says."""
    found: dict[str, Severity] = {}
    for metric in metrics:
        if metric.severity is not Severity.OK:
            found[metric.name] = max(metric.severity, found.get(metric.name, Severity.OK))
    bad = {name: Streak(_before(level, name) + 1, severity) for name, severity in found.items()}
    reported = max(
        (
            _persistent(level.bad.get(name), streak)
            for name, streak in bad.items()
            if streak.windows >= RAISE_AFTER[kind]
        ),
        default=Severity.OK,
    )
    if reported is not Severity.OK:
        return Level(reported, 0, bad, level.quality), reported
    good = level.good + 1
    return Level(level.severity if good < CLEAR_AFTER else Severity.OK, good, bad, level.quality), reported


def _before(level: Level, name: str) -> int:
    streak = level.bad.get(name)
    return streak.windows if streak else 0


def _persistent(before: Streak | None, now: Streak) -> Severity:
    """What both windows say: one of them may be worse by chance."""
    return min(before.severity, now.severity) if before else now.severity
