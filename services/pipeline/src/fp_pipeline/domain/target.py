"""Which version of which model a pipeline is about: its input says so, or the steps that use it."""

from collections.abc import Mapping, Sequence

from fp_kernel import invalid

from fp_pipeline.domain.config import JobConfig, RegisterConfig, TargetConfig, read
from fp_pipeline.domain.definition import TRAFFIC_STEPS, JsonObject, StepDefinition, StepType

MODEL, MODEL_ID, VERSION = "model", "model_id", "version"
_MODEL_NAME = "model_name"
_NEEDS_VERSION = TRAFFIC_STEPS | {StepType.VALIDATE}
_MAX_TEXT = 256


def named(step: StepDefinition) -> Mapping[str, str]:
    """What the config of a step says of the target."""
    typed = read(step)
    if not isinstance(typed, TargetConfig):
        return {}
    found = {MODEL: typed.model, MODEL_ID: typed.model_id, VERSION: typed.version}
    return {key: value for key, value in found.items() if value}


def completed(steps: Sequence[StepDefinition], given: JsonObject) -> JsonObject:
    """The input with what its steps need to know of the target; what the input says itself wins.

    Raises InvalidArgument naming what neither says.
    """
    whole = dict(given)
    if MODEL not in whole and _MODEL_NAME in whole:
        whole[MODEL] = whole[_MODEL_NAME]
    # A model that the input names in any way is not mixed with one that a step names in another.
    says_model = MODEL in whole or MODEL_ID in whole
    for step in steps:
        for key, text in named(step).items():
            if key == VERSION or not says_model:
                whole.setdefault(key, text)
    for key in sorted(_needed(steps)):
        field = MODEL_ID if key == MODEL and MODEL not in whole and MODEL_ID in whole else key
        value: object = whole.get(field)
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
            raise invalid(f"input.{field}", "is required, as text, by the steps of this pipeline")
    return whole


def _needed(steps: Sequence[StepDefinition]) -> set[str]:
    needed: set[str] = set()
    for step in steps:
        typed = read(step)
        if step.type in _NEEDS_VERSION or (isinstance(typed, JobConfig) and typed.backtest is not None):
            needed |= {MODEL, VERSION}
        if isinstance(typed, RegisterConfig) and not typed.model:
            needed.add(MODEL)
    return needed
