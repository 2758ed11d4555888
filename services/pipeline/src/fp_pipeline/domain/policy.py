"""How often, how long, how many: values that never change while a process runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fp_pipeline.domain.definition import StepDefinition, StepType
from fp_pipeline.domain.execution import Step

_MINUTE = 60.0
DEFAULT_TIMEOUTS: Mapping[StepType, float] = {
    StepType.VALIDATE: _MINUTE,
    StepType.DEPLOY: 3 * _MINUTE,
    StepType.CANARY: 60 * _MINUTE,
    StepType.PROMOTE: 2 * _MINUTE,
    StepType.REGISTER: 10 * _MINUTE,
    StepType.BUILD: 60 * _MINUTE,
    StepType.TRAIN: 60 * _MINUTE,
    StepType.EVALUATE: 60 * _MINUTE,
    StepType.CUSTOM: 60 * _MINUTE,
}


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts: `initial` seconds times `factor` each time, never above `ceiling`.

    jitter: the share of the wait that is random, so that what failed together does not come back together.
    """

    initial: float = 1.0
    factor: float = 2.0
    ceiling: float = 60.0
    jitter: float = 0.5

    def delay(self, attempt: int, roll: float) -> float:
        """Seconds to wait after attempt number `attempt`; `roll` is a random number from 0 to 1."""
        # The exponent is bounded so that a long-lived step does not overflow a float.
        full = min(self.initial * self.factor ** min(attempt - 1, 64), self.ceiling)
        return full * (1 - self.jitter * roll)


@dataclass(frozen=True, slots=True)
class EnginePolicy:
    """What the engine may do for one execution.

    parallelism: steps of one graph at a time.
    compensation_attempts: how often a compensation is tried. away_attempts: the same while whoever it needs is away,
    which is some fifteen minutes with the default waits. stop_attempts: how often it is tried to compensate what
    a cancelled attempt had begun.
    resume_grace: seconds that a resumed attempt gets at least, however long it had been left alone.
    drain: seconds between the last request to a runtime and its stop.
    shared_bytes: of the largest artifact whose version shares a process with others of its team.
    keep_warm: seconds for which the versions before a promoted one stay, where its step does not say it.
    pause: seconds between looks at something that is under way elsewhere.
    """

    backoff: Backoff = field(default_factory=Backoff)
    compensation_backoff: Backoff = field(default_factory=Backoff)
    compensation_attempts: int = 6
    away_attempts: int = 20
    stop_attempts: int = 3
    compensation_timeout: float = 60.0
    parallelism: int = 4
    resume_grace: float = 30.0
    drain: float = 10.0
    shared_bytes: int = 0
    keep_warm: float = 0.0
    pause: float = 0.25
    timeouts: Mapping[StepType, float] = field(default_factory=lambda: dict(DEFAULT_TIMEOUTS))

    def timeout(self, step: StepDefinition) -> float:
        return step.timeout or self.timeouts[step.type]

    def time_left(self, step: Step, now: datetime) -> float:
        """Seconds that the running attempt still has; it may have been started by a process that is gone."""
        whole = self.timeout(step.definition)
        spent = (now - step.started_at).total_seconds() if step.started_at else 0.0
        return max(whole - spent, min(self.resume_grace, whole))


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """ttl: seconds an execution stays with a worker that says nothing. heartbeat: seconds between renewals."""

    ttl: float = 15.0
    heartbeat: float = 4.0
