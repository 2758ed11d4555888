"""What the API may ask for."""

from dataclasses import dataclass

from fp_kernel import Clock

from fp_pipeline.app.cancel_execution import CancelExecution
from fp_pipeline.app.change_pipeline import DeletePipeline, UpdatePipeline
from fp_pipeline.app.create_pipeline import CreatePipeline
from fp_pipeline.app.peers import JobRunner
from fp_pipeline.app.ports import Deployments, Reads, Signals, Transactions
from fp_pipeline.app.queries import Queries
from fp_pipeline.app.step_logs import StreamStepLogs
from fp_pipeline.app.trigger_execution import TriggerExecution
from fp_pipeline.app.watch_execution import WatchExecution
from fp_pipeline.domain.validation import JobModules


@dataclass(frozen=True, slots=True)
class UseCases:
    create_pipeline: CreatePipeline
    update_pipeline: UpdatePipeline
    delete_pipeline: DeletePipeline
    trigger_execution: TriggerExecution
    cancel_execution: CancelExecution
    watch_execution: WatchExecution
    step_logs: StreamStepLogs
    queries: Queries


def build(
    *,
    transactions: Transactions,
    reads: Reads,
    deployments: Deployments,
    signals: Signals,
    jobs: JobRunner,
    modules: JobModules,
    clock: Clock,
    poll: float,
) -> UseCases:
    """poll: seconds after which watchers look without a signal."""
    return UseCases(
        create_pipeline=CreatePipeline(transactions, modules, clock),
        update_pipeline=UpdatePipeline(transactions, modules),
        delete_pipeline=DeletePipeline(transactions, clock),
        trigger_execution=TriggerExecution(transactions, clock),
        cancel_execution=CancelExecution(transactions, clock),
        watch_execution=WatchExecution(reads, signals, clock, poll=poll),
        step_logs=StreamStepLogs(reads, jobs, signals, clock, poll=poll),
        queries=Queries(reads, deployments),
    )
