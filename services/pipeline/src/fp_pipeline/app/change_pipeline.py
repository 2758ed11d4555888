"""A user changes or deletes a pipeline; executions under way keep the steps they started with."""

from dataclasses import replace

from fp_kernel import Clock, Command, FailedPrecondition, NotFound
from fp_kernel.revisions import check_revision

from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import Transactions
from fp_pipeline.domain.definition import Pipeline, PipelineChange, PipelineDraft
from fp_pipeline.domain.validation import JobModules, check, check_next


class UpdatePipeline:
    def __init__(self, transactions: Transactions, modules: JobModules) -> None:
        self._transactions = transactions
        self._modules = modules

    async def __call__(
        self, actor: Actor, pipeline_id: str, change: PipelineChange, command: Command, *, expected: int | None = None
    ) -> Pipeline:
        """The pipeline as it is now, with a new revision when something of it is another.

        Raises NotFound, InvalidArgument naming the field, AlreadyExists for a taken name, Aborted when it has another
        revision than the expected one.
        """
        async with self._transactions(command) as tx:
            present = await tx.pipelines.lock(actor.team, pipeline_id)
            if present is None:
                raise NotFound(f"no pipeline {pipeline_id}")
            check_revision(expected, present.revision, changed_by=present.changed_by or present.created_by)
            draft = PipelineDraft(
                name=present.name if change.name is None else change.name,
                type=present.type,
                steps=present.steps if change.steps is None else change.steps,
                then_pipeline_id=present.then_pipeline_id
                if change.then_pipeline_id is None
                else change.then_pipeline_id,
            )
            checked = check(draft, self._modules)
            if checked.then_pipeline_id:
                check_next(await tx.pipelines.find(actor.team, checked.then_pipeline_id))
            changed = replace(
                present,
                name=checked.name,
                steps=checked.steps,
                then_pipeline_id=checked.then_pipeline_id,
            )
            if changed != present:
                changed = replace(changed, revision=present.revision + 1, changed_by=actor.user_id)
                await tx.pipelines.change(present, changed)
            await tx.complete(changed)
        return changed


class DeletePipeline:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, actor: Actor, pipeline_id: str, command: Command, *, expected: int | None = None) -> None:
        """Raises NotFound, FailedPrecondition while an execution of it is open or another pipeline starts it, Aborted
        when it has another revision than the expected one.
        """
        async with self._transactions(command) as tx:
            present = await tx.pipelines.lock(actor.team, pipeline_id)
            if present is None:
                raise NotFound(f"no pipeline {pipeline_id}")
            check_revision(expected, present.revision, changed_by=present.changed_by or present.created_by)
            if await tx.executions.any_open(actor.team, pipeline_id):
                raise FailedPrecondition(
                    "an execution of the pipeline has not ended; wait for it or cancel it", reason="PIPELINE_IN_USE"
                )
            starter = await tx.pipelines.starter_of(actor.team, pipeline_id)
            if starter:
                raise FailedPrecondition(f"pipeline '{starter}' starts it when it ends", reason="PIPELINE_IN_USE")
            await tx.pipelines.delete(pipeline_id, self._clock.now())
            await tx.complete(present)
