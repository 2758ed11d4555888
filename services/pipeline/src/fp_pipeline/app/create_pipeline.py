"""A user declares a pipeline."""

from fp_kernel import Clock, Command, new_id

from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import Transactions
from fp_pipeline.domain.definition import Pipeline, PipelineDraft, PipelineType
from fp_pipeline.domain.validation import JobModules, check, check_next


class CreatePipeline:
    def __init__(self, transactions: Transactions, modules: JobModules, clock: Clock) -> None:
        self._transactions = transactions
        self._modules = modules
        self._clock = clock

    async def __call__(self, actor: Actor, draft: PipelineDraft, command: Command) -> Pipeline:
        """Raises InvalidArgument naming the field, AlreadyExists for a taken name."""
        checked = check(draft, self._modules)
        pipeline = Pipeline(
            id=new_id(),
            team=actor.team,
            name=checked.name,
            type=checked.type or PipelineType.TRAINING_DAG,
            steps=checked.steps,
            created_by=actor.user_id,
            created_at=self._clock.now(),
            then_pipeline_id=checked.then_pipeline_id,
        )
        async with self._transactions(command) as tx:
            if pipeline.then_pipeline_id:
                check_next(await tx.pipelines.find(actor.team, pipeline.then_pipeline_id))
            await tx.pipelines.add(pipeline)
            await tx.complete(pipeline)
        return pipeline
