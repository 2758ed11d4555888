"""Everything that the experiment service can do, for its API."""

from dataclasses import dataclass

from fp_kernel import Clock

from fp_experiment.app.archive_experiment import ArchiveExperiment
from fp_experiment.app.create_experiment import CreateExperiment
from fp_experiment.app.delete_run import DeleteRun
from fp_experiment.app.history import History
from fp_experiment.app.ingest import Ingest
from fp_experiment.app.log_params import LogParams
from fp_experiment.app.ports import Reads, Transactions
from fp_experiment.app.queries import Queries
from fp_experiment.app.set_run_artifacts import SetRunArtifacts
from fp_experiment.app.start_run import StartRun
from fp_experiment.app.update_experiment import UpdateExperiment
from fp_experiment.app.update_run_status import UpdateRunStatus


@dataclass(frozen=True, slots=True)
class UseCases:
    create_experiment: CreateExperiment
    update_experiment: UpdateExperiment
    archive_experiment: ArchiveExperiment
    start_run: StartRun
    update_run_status: UpdateRunStatus
    delete_run: DeleteRun
    set_run_artifacts: SetRunArtifacts
    log_params: LogParams
    ingest: Ingest
    queries: Queries
    history: History
    clock: Clock


def build(transactions: Transactions, reads: Reads, ingest: Ingest, clock: Clock) -> UseCases:
    return UseCases(
        create_experiment=CreateExperiment(transactions, clock),
        update_experiment=UpdateExperiment(transactions, clock),
        archive_experiment=ArchiveExperiment(transactions, clock),
        start_run=StartRun(transactions, clock),
        update_run_status=UpdateRunStatus(transactions, clock),
        delete_run=DeleteRun(transactions, clock),
        set_run_artifacts=SetRunArtifacts(transactions),
        log_params=LogParams(transactions),
        ingest=ingest,
        queries=Queries(reads),
        history=History(reads),
        clock=clock,
    )
