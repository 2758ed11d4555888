"""What each type of step reads from its config, checked when the pipeline is made and read again when the step runs."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from fp_kernel import InvalidArgument, invalid

from fp_pipeline.domain.definition import JsonObject, StepDefinition, StepType

FULL_WEIGHT_BPS = 10_000
_MAX_OUTPUTS = 64
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_RESULT = "result.json"
_MIN_SAMPLES = 100
_PATIENCE = 1_800.0
_LONGEST = 86_400.0


class NoTraffic(StrEnum):
    """What becomes of a canary that too few requests reached in its time."""

    PROMOTE = "promote"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Contest:
    """The challenger's `metric` must be better than the incumbent's, and by `margin` at least."""

    metric: str
    margin: float
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class JobConfig:
    """module: Python module the process runs. outputs: files it puts. minimum: least value per metric.

    contest: how the job's model is compared with the one in production; None when it is not.
    """

    module: str
    outputs: tuple[str, ...]
    minimum: Mapping[str, float]
    contest: Contest | None = None


@dataclass(frozen=True, slots=True)
class CanaryConfig:
    """weight_bps: share of the traffic, in basis points. min_seconds: how long it keeps this share at least.

    min_samples: requests that must have reached the version before it is judged; 0 when nothing is judged.
    max_error_rate: share of requests from 0 to 1. max_p99_ms: latency. max_latency_ratio: p99 over that of the others.
    timeout_seconds: how long to wait for min_samples; then on_no_traffic says what happens.
    """

    weight_bps: int
    min_seconds: float
    min_samples: int = 0
    max_error_rate: float | None = None
    max_p99_ms: float | None = None
    max_latency_ratio: float | None = None
    timeout_seconds: float = 0.0
    on_no_traffic: NoTraffic = NoTraffic.FAIL

    @property
    def judged(self) -> bool:
        return self.min_samples > 0


@dataclass(frozen=True, slots=True)
class RegisterConfig:
    """artifact, profile: `<step>/<file>`, empty for the defaults; metrics: id of a step; model: empty = input.model."""

    model: str
    artifact: str
    profile: str
    metrics: str
    framework: str
    task_type: str
    description: str


@dataclass(frozen=True, slots=True)
class NoConfig:
    """The step reads nothing from its config."""


StepConfig = JobConfig | CanaryConfig | RegisterConfig | NoConfig


class _Reader:
    """Reads a config and names the field of whatever is wrong."""

    def __init__(self, config: JsonObject, path: str) -> None:
        self._config = config
        self._path = path
        self._read: set[str] = set()

    def text(self, key: str, *, required: bool = False) -> str:
        value = self._take(key, "")
        if not isinstance(value, str):
            raise self.bad(key, "must be text")
        if required and not value:
            raise self.bad(key, "is required")
        return value

    def number(self, key: str, default: float, *, low: float, high: float) -> float:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.bad(key, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def limit(self, key: str, *, low: float, high: float) -> float | None:
        """None when it is not given."""
        if self._take(key, None) is None:
            return None
        return self.number(key, low, low=low, high=high)

    def whether(self, key: str) -> bool:
        value = self._take(key, default=False)
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def files(self, key: str) -> tuple[str, ...]:
        value = self._take(key, [])
        if not isinstance(value, list | tuple) or len(value) > _MAX_OUTPUTS:
            raise self.bad(key, f"must be a list of at most {_MAX_OUTPUTS} file names")
        for index, name in enumerate(value):
            if not isinstance(name, str) or not _FILE.fullmatch(name) or name == _RESULT:
                raise self.bad(f"{key}[{index}]", f"must be a plain file name, and not {_RESULT}")
        if len(set(value)) != len(value):
            raise self.bad(key, "names a file twice")
        return tuple(value)

    def numbers(self, key: str) -> Mapping[str, float]:
        value = self._take(key, {})
        if not isinstance(value, Mapping):
            raise self.bad(key, "must be an object of numbers")
        for name, number in value.items():
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise self.bad(f"{key}.{name}", "must be a number")
        return {name: float(number) for name, number in value.items()}

    def file_of_step(self, key: str) -> str:
        value = self.text(key)
        step_id, _, file = value.partition("/")
        if value and (not step_id or not _FILE.fullmatch(file)):
            raise self.bad(key, "must be <step>/<file>")
        return value

    def close(self) -> None:
        """Refuse keys that nobody read: a misspelt one would be ignored in silence."""
        for key in self._config:
            if key not in self._read:
                raise self.bad(key, "is not a setting of this type of step")

    def bad(self, key: str, description: str) -> InvalidArgument:
        return invalid(f"{self._path}.{key}", description)

    def _take(self, key: str, default: Any) -> Any:
        self._read.add(key)
        value = self._config.get(key)
        return default if value is None else value


def read(step: StepDefinition, path: str = "config") -> StepConfig:
    """The typed config of a step. Raises InvalidArgument naming the field below `path`."""
    return _READERS[step.type](_Reader(step.config, path), step.config)


def references(config: StepConfig) -> tuple[tuple[str, str], ...]:
    """What a config takes from steps before it, as (field, `<step>/<file>` or `<step>`)."""
    if not isinstance(config, RegisterConfig):
        return ()
    named = {"artifact": config.artifact, "profile": config.profile, "metrics": config.metrics}
    return tuple((key, reference) for key, reference in named.items() if reference)


def _job(reader: _Reader, _config: JsonObject) -> JobConfig:
    # Further keys are the job's own.
    module = reader.text("module", required=True)
    if not _MODULE.fullmatch(module):
        raise reader.bad("module", "must be the name of a Python module")
    return JobConfig(module=module, outputs=reader.files("outputs"), minimum={})


def _evaluate(reader: _Reader, config: JsonObject) -> StepConfig:
    job = replace(_job(reader, config), minimum=reader.numbers("minimum"))
    if not reader.whether("incumbent"):
        return job
    contest = Contest(
        metric=reader.text("metric", required=True),
        margin=reader.number("margin", 0, low=0, high=1e9),
        lower_is_better=reader.whether("lower_is_better"),
    )
    return replace(job, contest=contest)


def _canary(reader: _Reader, _config: JsonObject) -> StepConfig:
    limits = {
        "max_error_rate": reader.limit("max_error_rate", low=0, high=1),
        "max_p99_ms": reader.limit("max_p99_ms", low=0.1, high=600_000),
        "max_latency_ratio": reader.limit("max_latency_ratio", low=0.1, high=1_000),
    }
    judged = any(limit is not None for limit in limits.values())
    min_seconds = reader.number("min_seconds", 60, low=0, high=_LONGEST)
    samples = reader.number("min_samples", _MIN_SAMPLES if judged else 0, low=1 if judged else 0, high=1_000_000_000)
    patience = reader.number("timeout_seconds", max(_PATIENCE, min_seconds), low=min_seconds, high=_LONGEST)
    on_no_traffic = reader.text("on_no_traffic") or NoTraffic.FAIL.value
    if on_no_traffic not in set(NoTraffic):
        raise reader.bad("on_no_traffic", "must be promote or fail")
    canary = CanaryConfig(
        weight_bps=round(reader.number("weight_bps", 1_000, low=1, high=FULL_WEIGHT_BPS - 1)),
        min_seconds=min_seconds,
        min_samples=round(samples),
        timeout_seconds=patience,
        on_no_traffic=NoTraffic(on_no_traffic),
        **limits,
    )
    reader.close()
    return canary


def _register(reader: _Reader, _config: JsonObject) -> StepConfig:
    register = RegisterConfig(
        model=reader.text("model"),
        artifact=reader.file_of_step("artifact"),
        profile=reader.file_of_step("profile"),
        metrics=reader.text("metrics"),
        framework=reader.text("framework"),
        task_type=reader.text("task_type"),
        description=reader.text("description"),
    )
    reader.close()
    return register


def _nothing(reader: _Reader, _config: JsonObject) -> StepConfig:
    reader.close()
    return NoConfig()


_READERS: Mapping[StepType, Callable[[_Reader, JsonObject], StepConfig]] = {
    StepType.VALIDATE: _nothing,
    StepType.DEPLOY: _nothing,
    StepType.PROMOTE: _nothing,
    StepType.CANARY: _canary,
    StepType.REGISTER: _register,
    StepType.BUILD: _job,
    StepType.TRAIN: _job,
    StepType.EVALUATE: _evaluate,
    StepType.CUSTOM: _job,
}
