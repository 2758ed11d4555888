"""Is a draft a pipeline that can run? Every error names the field, such as `steps[2].depends_on`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fp_kernel import invalid

from fp_pipeline.domain import config, graph, secrets, target
from fp_pipeline.domain.definition import (
    FAN_OUT,
    JOB_STEPS,
    TRAFFIC_STEPS,
    Pipeline,
    PipelineDraft,
    PipelineType,
    StepDefinition,
    StepType,
)
from fp_pipeline.domain.json_values import check_json
from fp_pipeline.domain.policy import DEFAULT_TIMEOUTS

MAX_STEPS = 256
MAX_RETRIES = 10
MAX_TIMEOUT = 86_400.0

_FILES = {"artifact": "model.onnx", "profile": "profile.json"}
_MAX_NAME = 128
_MAX_PARENTS = 64
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._/-]*[A-Za-z0-9._/-])?")
# Step ids become parts of process names, object keys and idempotency keys.
_STEP_ID = re.compile(r"[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class JobModules:
    """Modules that jobs may run; a name also allows the modules below it.

    images: what the names of images of users' own begin with; without any every job runs in the platform's.
    """

    names: frozenset[str]
    images: tuple[str, ...] = ()

    def allow(self, module: str) -> bool:
        parts = module.split(".")
        return any(".".join(parts[:length]) in self.names for length in range(1, len(parts) + 1))

    def allow_image(self, image: str) -> bool:
        """The platform's own, or one whose name has an allowed beginning, and a part or a version behind it."""
        begins = (each.rstrip("/") for each in self.images)
        return not image or any(image.startswith((f"{each}/", f"{each}:", f"{each}@")) for each in begins)


def check(draft: PipelineDraft, modules: JobModules) -> PipelineDraft:
    """The draft with its defaults filled in.

    Raises InvalidArgument naming the field.
    """
    _name(draft.name, "name")
    if draft.type is None:
        raise invalid("type", "is required")
    if not 1 <= len(draft.steps) <= MAX_STEPS:
        raise invalid("steps", f"must be 1 to {MAX_STEPS} steps")
    index = _unique(draft.steps)
    for position, step in enumerate(draft.steps):
        _step(step, f"steps[{position}]", modules)
        _parents(step, f"steps[{position}]", index)
    _acyclic(draft.steps, index)
    _compensation(draft, index)
    _traffic(draft)
    _registers(draft)
    _same_target(draft.steps)
    _fan_outs(draft)
    _backtests(draft)
    return replace(draft, steps=_with_references(draft))


def earlier(kind: PipelineType, steps: Sequence[StepDefinition], step_id: str) -> frozenset[str]:
    """Steps whose outputs a step may use: all before it in a saga, its ancestors in a graph."""
    if kind is not PipelineType.DEPLOYMENT_SAGA:
        return graph.ancestors(steps, step_id)
    forward = [name for name in graph.order(steps) if name not in graph.compensators(steps)]
    return frozenset(forward[: forward.index(step_id)]) if step_id in forward else frozenset(forward)


def _name(name: str, field: str) -> None:
    if not name:
        raise invalid(field, "is required")
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise invalid(
            field,
            f"must be at most {_MAX_NAME} letters, digits, spaces and . _ / -, a letter or digit first and no space"
            " last",
        )


def _unique(steps: Sequence[StepDefinition]) -> dict[str, int]:
    index: dict[str, int] = {}
    for position, step in enumerate(steps):
        if not _STEP_ID.fullmatch(step.id):
            raise invalid(
                f"steps[{position}].id", "must be 1 to 40 of a-z 0-9 _ -, with a letter or digit at both ends"
            )
        if step.id in index:
            raise invalid(f"steps[{position}].id", f"is taken by steps[{index[step.id]}]")
        index[step.id] = position
    return index


def _step(step: StepDefinition, path: str, modules: JobModules) -> None:
    if step.name:
        _name(step.name, f"{path}.name")
    if not (step.timeout == 0 or 1 <= step.timeout <= MAX_TIMEOUT):
        raise invalid(f"{path}.timeout", f"must be 1 to {MAX_TIMEOUT:g} seconds, or unset for the default")
    if not 0 <= step.max_retries <= MAX_RETRIES:
        raise invalid(f"{path}.max_retries", f"must be 0 to {MAX_RETRIES}")
    check_json(step.config, f"{path}.config")
    if secrets.references(step.config, f"{path}.config") and step.type not in JOB_STEPS:
        raise invalid(f"{path}.config", "refers to a secret, which only a step that runs a job gets")
    typed = config.read(step, f"{path}.config")
    if isinstance(typed, config.CanaryConfig):
        _canary(step, typed, path)
    if isinstance(typed, config.JobConfig) and not modules.allow(typed.module):
        raise invalid(f"{path}.config.module", "is not among the modules that jobs may run here")
    if isinstance(typed, config.JobConfig) and not modules.allow_image(typed.machine.image):
        raise invalid(f"{path}.config.machine.image", "is not among the images that jobs may run here")


def _canary(step: StepDefinition, typed: config.CanaryConfig, path: str) -> None:
    """An attempt that ends before the canary may be judged would fail every time."""
    key, needed = ("timeout_seconds", typed.timeout_seconds) if typed.judged else ("min_seconds", typed.min_seconds)
    if (step.timeout or DEFAULT_TIMEOUTS[StepType.CANARY]) <= needed:
        raise invalid(f"{path}.timeout", f"must be longer than config.{key}")


def _parents(step: StepDefinition, path: str, index: Mapping[str, int]) -> None:
    field = f"{path}.depends_on"
    if len(step.depends_on) > _MAX_PARENTS:
        raise invalid(field, f"must be at most {_MAX_PARENTS} steps")
    if len(set(step.depends_on)) != len(step.depends_on):
        raise invalid(field, "names a step twice")
    for parent in step.depends_on:
        if parent not in index:
            raise invalid(field, f"names '{parent[:_MAX_NAME]}', which is no step of this pipeline")
        if parent == step.id:
            raise invalid(field, "names the step itself")


def _acyclic(steps: Sequence[StepDefinition], index: Mapping[str, int]) -> None:
    loop = graph.cycle(steps)
    if loop:
        raise invalid(f"steps[{index[loop[0]]}].depends_on", "closes a cycle: " + " -> ".join((*loop, loop[0])))


def _compensation(draft: PipelineDraft, index: Mapping[str, int]) -> None:
    undoers: dict[str, str] = {}
    for position, step in enumerate(draft.steps):
        if not step.compensation_step_id:
            continue
        field = f"steps[{position}].compensation_step_id"
        if draft.type is not PipelineType.DEPLOYMENT_SAGA:
            raise invalid(field, "only a DEPLOYMENT_SAGA compensates")
        if step.type in TRAFFIC_STEPS:
            raise invalid(field, f"{step.type} undoes itself")
        if step.compensation_step_id not in index:
            raise invalid(field, "is no step of this pipeline")
        if step.compensation_step_id in undoers:
            raise invalid(field, f"undoes '{undoers[step.compensation_step_id]}' already")
        _undoer(draft.steps[index[step.compensation_step_id]], step, field)
        undoers[step.compensation_step_id] = step.id
    for position, step in enumerate(draft.steps):
        if not undoers.keys().isdisjoint(step.depends_on):
            raise invalid(f"steps[{position}].depends_on", "names a step that only runs to undo another")


def _undoer(undoer: StepDefinition, step: StepDefinition, field: str) -> None:
    if undoer.id == step.id:
        raise invalid(field, "names the step itself")
    if undoer.type not in JOB_STEPS:
        raise invalid(field, "must name a step that runs a job, such as CUSTOM")
    if undoer.depends_on or undoer.compensation_step_id:
        raise invalid(field, "must name a step without depends_on and compensation_step_id")


def _traffic(draft: PipelineDraft) -> None:
    deployed = ""
    by_id = {step.id: (position, step) for position, step in enumerate(draft.steps)}
    for step_id in graph.order(draft.steps):
        position, step = by_id[step_id]
        field = f"steps[{position}].type"
        if step.type not in TRAFFIC_STEPS:
            continue
        if draft.type is not PipelineType.DEPLOYMENT_SAGA:
            raise invalid(field, f"{step.type} needs a DEPLOYMENT_SAGA, which can undo it")
        if step.type is StepType.DEPLOY:
            if deployed:
                raise invalid(field, f"'{deployed}' deploys already; a saga deploys one version")
            deployed = step.id
        elif not deployed:
            raise invalid(field, f"{step.type} needs a DEPLOY step before it")


def _same_target(steps: Sequence[StepDefinition]) -> None:
    """Steps that name the version to deploy must name the same one."""
    named: dict[str, tuple[str, int]] = {}
    for position, step in enumerate(steps):
        for key, value in target.named(step).items():
            before, first = named.setdefault(key, (value, position))
            if before != value:
                raise invalid(f"steps[{position}].config.{key}", f"is another one than that of steps[{first}]")


def _registers(draft: PipelineDraft) -> None:
    if not draft.then_pipeline_id:
        return
    if draft.type is not PipelineType.TRAINING_DAG or all(step.type is not StepType.REGISTER for step in draft.steps):
        raise invalid("then_pipeline_id", "needs a TRAINING_DAG with a REGISTER step, whose version it deploys")


def _fan_outs(draft: PipelineDraft) -> None:
    for position, step in enumerate(draft.steps):
        if not step.fans_out or draft.type is None:
            continue
        field = f"steps[{position}].config.{FAN_OUT}"
        if draft.type is PipelineType.DEPLOYMENT_SAGA:
            raise invalid(field, "needs a TRAINING_DAG or a BATCH_INFERENCE")
        typed = config.read(step)
        source = typed.fan_out.output if isinstance(typed, config.JobConfig) and typed.fan_out else None
        if source is not None and source[0] not in earlier(draft.type, draft.steps, step.id):
            raise invalid(f"{field}.from", f"names '{source[0][:_MAX_NAME]}', which is no step before this one")


def _backtests(draft: PipelineDraft) -> None:
    for position, step in enumerate(draft.steps):
        typed = config.read(step)
        asked = isinstance(typed, config.JobConfig) and typed.backtest is not None
        if asked and draft.type is not PipelineType.DEPLOYMENT_SAGA:
            raise invalid(f"steps[{position}].config.backtest", "needs a DEPLOYMENT_SAGA, whose version is asked")


def check_next(following: Pipeline | None) -> None:
    """Whether a training pipeline may hand its version to this one. Raises InvalidArgument."""
    if following is None:
        raise invalid("then_pipeline_id", "is no pipeline of the team")
    # A saga starts nothing itself, so that no chain of pipelines can close a circle.
    if following.type is not PipelineType.DEPLOYMENT_SAGA:
        raise invalid("then_pipeline_id", "must name a DEPLOYMENT_SAGA")


def _with_references(draft: PipelineDraft) -> tuple[StepDefinition, ...]:
    return tuple(_referring(draft, step, f"steps[{position}]") for position, step in enumerate(draft.steps))


def _referring(draft: PipelineDraft, step: StepDefinition, path: str) -> StepDefinition:
    """A REGISTER step with the files it takes named, so that nothing is guessed when it runs."""
    if step.type is not StepType.REGISTER or draft.type is None:
        return step
    names = earlier(draft.type, draft.steps, step.id)
    before = {other.id: other for other in draft.steps if other.id in names}
    chosen = {**_guessed(before.values()), **{key: value for key, value in step.config.items() if value}}
    if "artifact" not in chosen:
        raise invalid(f"{path}.config.artifact", "is required when there is not exactly one TRAIN step before")
    chosen_step = replace(step, config=chosen)
    for key, reference in config.references(config.read(chosen_step, f"{path}.config")):
        _reference(before, reference, f"{path}.config.{key}")
    return chosen_step


def _guessed(before: Iterable[StepDefinition]) -> dict[str, str]:
    whole = [step for step in before if not step.fans_out]
    trained = [step for step in whole if step.type is StepType.TRAIN]
    evaluated = [step for step in whole if step.type is StepType.EVALUATE]
    guessed: dict[str, str] = {}
    if len(trained) == 1:
        typed = config.read(trained[0])
        outputs = typed.outputs if isinstance(typed, config.JobConfig) else ()
        guessed |= {key: f"{trained[0].id}/{file}" for key, file in _FILES.items() if file in outputs}
    if len(evaluated) == 1:
        guessed["metrics"] = evaluated[0].id
    return guessed


def _reference(before: Mapping[str, StepDefinition], reference: str, field: str) -> None:
    step_id, _, file = reference.partition("/")
    if step_id not in before:
        raise invalid(field, f"names '{step_id}', which is no step before this one")
    if before[step_id].fans_out:
        raise invalid(field, f"names '{step_id}', which fans out: its items have files and metrics of their own")
    typed = config.read(before[step_id])
    if file and not (isinstance(typed, config.JobConfig) and file in typed.outputs):
        raise invalid(field, f"names '{file}', which is no output of '{step_id}'")
