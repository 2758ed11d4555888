"""Someone starts a pipeline; a worker runs it."""

from datetime import datetime

from fp_kernel import Clock, Command, NotFound, invalid, new_id

from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import Transaction, Transactions
from fp_pipeline.domain import config, secrets, target
from fp_pipeline.domain.definition import JOB_STEPS, JsonObject, Pipeline, PipelineType, StepType
from fp_pipeline.domain.execution import Cause, Execution, ExecutionStatus, Step, StepStatus
from fp_pipeline.domain.fan_out_config import MAX_ITEMS
from fp_pipeline.domain.json_values import check_json
from fp_pipeline.domain.progress import moved


class TriggerExecution:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, actor: Actor, pipeline_id: str, given: JsonObject, cause: Cause, command: Command
    ) -> Execution:
        """The execution, PENDING. Raises NotFound, InvalidArgument naming a field of the input."""
        check_json(given, "input")
        referred = secrets.references(given, "input")
        async with self._transactions(command) as tx:
            pipeline = await tx.pipelines.find(actor.team, pipeline_id)
            if pipeline is None:
                raise NotFound(f"no pipeline {pipeline_id}")
            if referred:
                _check_jobs(pipeline, given)
            execution = begin(pipeline, given, cause, self._clock.now())
            await tx.executions.add(execution)
            await tx.complete(execution)
        return execution


def begin(pipeline: Pipeline, given: JsonObject, cause: Cause, now: datetime) -> Execution:
    """An execution that a worker may take once it is kept. Raises InvalidArgument naming a field of the input."""
    _check_lists(pipeline, given)
    execution = Execution(
        id=new_id(),
        team=pipeline.team,
        pipeline_id=pipeline.id,
        pipeline_name=pipeline.name,
        pipeline_revision=pipeline.revision,
        type=pipeline.type,
        steps=tuple(Step(id=new_id(), definition=step) for step in pipeline.steps),
        input=target.completed(pipeline.steps, given),
        cause=cause,
        created_at=now,
    )
    return moved(execution, [], now).execution


def _check_lists(pipeline: Pipeline, given: JsonObject) -> None:
    """Raises InvalidArgument naming the list that a step fans out over and the input lacks."""
    for step in pipeline.steps:
        typed = config.read(step)
        if isinstance(typed, config.JobConfig) and typed.fan_out is not None and typed.fan_out.given:
            _check_list(typed.fan_out.given, given)


def _check_jobs(pipeline: Pipeline, given: JsonObject) -> None:
    """Raises InvalidArgument for an input with secrets that no job gets, or too many of them."""
    jobs = [step for step in pipeline.steps if step.type in JOB_STEPS]
    if not jobs:
        raise invalid("input", "refers to a secret, which only a step that runs a job gets")
    for step in jobs:
        secrets.for_step(step.config, given)


def _check_list(key: str, given: JsonObject) -> None:
    value = given.get(key)
    if not isinstance(value, list | tuple) or len(value) > MAX_ITEMS:
        raise invalid(f"input.{key}", f"must be a list of at most {MAX_ITEMS}, which a step fans out over")


async def start_next(tx: Transaction, ended: Execution, now: datetime) -> None:
    """A finished training pipeline starts the deployment of the version that it registered.

    In the transaction that ends the execution: it ends once, so this starts once.
    """
    if ended.type is not PipelineType.TRAINING_DAG or ended.status is not ExecutionStatus.COMPLETED:
        return
    pipeline = await tx.pipelines.find(ended.team, ended.pipeline_id)
    if pipeline is None or not pipeline.then_pipeline_id:
        return
    following = await tx.pipelines.find(ended.team, pipeline.then_pipeline_id)
    if following is None:
        return
    cause = Cause(
        triggered_by=f"execution:{ended.id}", correlation_id=ended.cause.correlation_id, trace=ended.cause.trace
    )
    for step in ended.steps:
        if step.definition.type is StepType.REGISTER and step.status is StepStatus.COMPLETED:
            given = {"model": step.output["model"], "version": step.output["version"]}
            await tx.executions.add(begin(following, given, cause, now))
