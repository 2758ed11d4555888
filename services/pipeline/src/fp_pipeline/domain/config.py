"""The config of each type of step, checked when the pipeline is made and read again when the step runs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fp_pipeline.domain import backtest, challenge
from fp_pipeline.domain.backtest import Backtest
from fp_pipeline.domain.challenge import Contest
from fp_pipeline.domain.config_reader import ConfigReader
from fp_pipeline.domain.definition import FAN_OUT, JsonObject, StepDefinition, StepType
from fp_pipeline.domain.fan_out_config import FanOut, read_fan_out
from fp_pipeline.domain.machine import ANY, Machine, read_machine
from fp_pipeline.domain.objective import Objective
from fp_pipeline.domain.replicas import ONE, Replicas, read_replicas

FULL_WEIGHT_BPS = 10_000

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_MIN_SAMPLES = 100
_MAX_ERROR_RATE = 0.1
_PATIENCE = 1_800.0
_LONGEST = 86_400.0


class NoTraffic(StrEnum):
    """What becomes of a canary that too few requests reached in its time."""

    PROMOTE = "promote"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class JobConfig:
    """module: Python module the process runs. outputs: files it puts. minimum: least value per metric.

    contest: how the job's model is compared with the one in production; None when it is not.
    backtest: how much worse than what was answered the version may be; None when it is not asked.
    fan_out: one job for each item of a list; None for one job. machine: what it runs on.
    """

    module: str
    outputs: tuple[str, ...]
    minimum: Mapping[str, float]
    contest: Contest | None = None
    backtest: Backtest | None = None
    fan_out: FanOut | None = None
    machine: Machine = ANY


@dataclass(frozen=True, slots=True)
class CanaryConfig:
    """weight_bps: share of the traffic, in basis points. min_seconds: how long it keeps this share at least.

    min_samples: requests that must have reached the version before it is judged; 0 when nothing is judged.
    max_error_rate: share of requests from 0 to 1; a judged canary that does not say it gets a tenth.
    max_p99_ms: latency. max_latency_ratio: p99 over that of the others.
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
class TargetConfig:
    """The version to deploy, where the execution's input does not say it: model by name or by id."""

    model: str
    model_id: str
    version: str


@dataclass(frozen=True, slots=True)
class DeployConfig(TargetConfig):
    replicas: Replicas = ONE
    machine: Machine = ANY


@dataclass(frozen=True, slots=True)
class PromoteConfig(TargetConfig):
    """keep_warm_seconds: how long the version before stays, so that the promotion can be taken back; None for the
    platform's default. objective: what takes it back by itself in that time.
    """

    keep_warm_seconds: float | None = None
    objective: Objective = field(default_factory=Objective)


StepConfig = JobConfig | CanaryConfig | RegisterConfig | TargetConfig


def read(step: StepDefinition, path: str = "config") -> StepConfig:
    """The typed config of a step. Raises InvalidArgument naming the field below `path`."""
    return _READERS[step.type](ConfigReader(step.config, path), step.config)


def references(config: StepConfig) -> tuple[tuple[str, str], ...]:
    """What a config takes from steps before it, as (field, `<step>/<file>` or `<step>`)."""
    if not isinstance(config, RegisterConfig):
        return ()
    named = {"artifact": config.artifact, "profile": config.profile, "metrics": config.metrics}
    return tuple((key, reference) for key, reference in named.items() if reference)


def _job(reader: ConfigReader, _config: JsonObject, usual: str = "") -> JobConfig:
    """usual: module, where the config says none."""
    # Further keys are the job's own.
    module = reader.text("module", required=not usual) or usual
    if not _MODULE.fullmatch(module):
        raise reader.bad("module", "must be the name of a Python module")
    return JobConfig(
        module=module,
        outputs=reader.files("outputs"),
        minimum={},
        fan_out=read_fan_out(reader),
        machine=read_machine(reader, with_image=True),
    )


def _evaluate(reader: ConfigReader, config: JsonObject) -> StepConfig:
    asked = backtest.read(reader)
    job = _job(reader, config, usual=backtest.MODULE if asked else "")
    job = replace(job, minimum=reader.numbers("minimum"), backtest=asked)
    if not reader.whether("incumbent"):
        return job
    if asked is not None:
        raise reader.bad(backtest.KEY, "is not for a contest: it compares with what was answered")
    if job.fan_out is not None:
        raise reader.bad(FAN_OUT, "is not for a contest: one model meets the incumbent")
    return replace(job, contest=challenge.read(reader))


def _canary(reader: ConfigReader, _config: JsonObject) -> StepConfig:
    limits = {
        "max_error_rate": reader.limit("max_error_rate", low=0, high=1),
        "max_p99_ms": reader.limit("max_p99_ms", low=0.1, high=600_000),
        "max_latency_ratio": reader.limit("max_latency_ratio", low=0.1, high=1_000),
    }
    judged = any(limit is not None for limit in limits.values())
    if judged and limits["max_error_rate"] is None:
        # Whoever asks for speed does not want a version that answers fast and seldom.
        limits["max_error_rate"] = _MAX_ERROR_RATE
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


def _register(reader: ConfigReader, _config: JsonObject) -> StepConfig:
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


def _target(reader: ConfigReader, _config: JsonObject) -> TargetConfig:
    target = _named(reader)
    reader.close()
    return target


def _deploy(reader: ConfigReader, _config: JsonObject) -> DeployConfig:
    target = _named(reader)
    deploy = DeployConfig(
        model=target.model,
        model_id=target.model_id,
        version=target.version,
        replicas=read_replicas(reader),
        machine=read_machine(reader, with_image=False),
    )
    reader.close()
    return deploy


def _promote(reader: ConfigReader, _config: JsonObject) -> PromoteConfig:
    usual = Objective()
    target = _named(reader)
    promote = PromoteConfig(
        model=target.model,
        model_id=target.model_id,
        version=target.version,
        keep_warm_seconds=reader.limit("keep_warm_seconds", low=0, high=_LONGEST),
        objective=Objective(
            max_error_increase=reader.number("max_error_increase", usual.max_error_increase, low=0, high=1),
            max_latency_ratio=reader.limit("max_latency_ratio", low=0.1, high=1_000),
            min_samples=round(reader.number("min_samples", usual.min_samples, low=1, high=1_000_000_000)),
        ),
    )
    reader.close()
    return promote


def _named(reader: ConfigReader) -> TargetConfig:
    name, alias = reader.text("model"), reader.text("model_name")
    if name and alias and name != alias:
        raise reader.bad("model_name", "is another one than model")
    return TargetConfig(model=name or alias, model_id=reader.text("model_id"), version=reader.text("version"))


_READERS: Mapping[StepType, Callable[[ConfigReader, JsonObject], StepConfig]] = {
    StepType.VALIDATE: _target,
    StepType.DEPLOY: _deploy,
    StepType.PROMOTE: _promote,
    StepType.CANARY: _canary,
    StepType.REGISTER: _register,
    StepType.BUILD: _job,
    StepType.TRAIN: _job,
    StepType.EVALUATE: _evaluate,
    StepType.CUSTOM: _job,
}
