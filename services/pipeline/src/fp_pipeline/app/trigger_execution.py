"""Someone starts a pipeline; a worker runs it."""

from collections.abc import Mapping
from datetime import datetime

from fp_kernel import Clock, Command, NotFound, invalid, new_id

from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import Transactions
from fp_pipeline.domain import config
from fp_pipeline.domain.definition import TRAFFIC_STEPS, JsonObject, Pipeline, StepType
from fp_pipeline.domain.documents import check_json
from fp_pipeline.domain.execution import Cause, Execution, Step
from fp_pipeline.domain.progress import moved

_NEEDS_VERSION = TRAFFIC_STEPS | {StepType.VALIDATE}
_MAX_TEXT = 256


class TriggerExecution:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, actor: Actor, pipeline_id: str, given: JsonObject, cause: Cause, command: Command
    ) -> Execution:
        """The execution, PENDING. Raises NotFound, InvalidArgument naming a field of the input."""
        check_json(given, "input")
        async with self._transactions(command) as tx:
            pipeline = await tx.pipelines.find(actor.team, pipeline_id)
            if pipeline is None:
                raise NotFound(f"no pipeline {pipeline_id}")
            execution = begin(pipeline, given, cause, self._clock.now())
            await tx.executions.add(execution)
            await tx.complete(command, execution)
        return execution


def begin(pipeline: Pipeline, given: JsonObject, cause: Cause, now: datetime) -> Execution:
    """An execution that a worker may take once it is kept. Raises InvalidArgument naming a field of the input."""
    check_input(pipeline, given)
    execution = Execution(
        id=new_id(),
        team=pipeline.team,
        pipeline_id=pipeline.id,
        pipeline_name=pipeline.name,
        pipeline_revision=pipeline.revision,
        type=pipeline.type,
        steps=tuple(Step(id=new_id(), definition=step) for step in pipeline.steps),
        input=given,
        cause=cause,
        created_at=now,
    )
    return moved(execution, [], now).execution


def check_input(pipeline: Pipeline, given: Mapping[str, object]) -> None:
    """Raises InvalidArgument naming what the steps will need and the input lacks."""
    needed: set[str] = set()
    for step in pipeline.steps:
        if step.type in _NEEDS_VERSION:
            needed |= {"model", "version"}
        typed = config.read(step)
        if isinstance(typed, config.RegisterConfig) and not typed.model:
            needed.add("model")
        if isinstance(typed, config.JobConfig) and typed.fan_out is not None and typed.fan_out.given:
            _check_list(typed.fan_out.given, given)
    for key in sorted(needed):
        value = given.get(key)
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
            raise invalid(f"input.{key}", "is required, as text, by the steps of this pipeline")


def _check_list(key: str, given: Mapping[str, object]) -> None:
    value = given.get(key)
    if not isinstance(value, list | tuple) or len(value) > config.MAX_ITEMS:
        raise invalid(f"input.{key}", f"must be a list of at most {config.MAX_ITEMS}, which a step fans out over")
