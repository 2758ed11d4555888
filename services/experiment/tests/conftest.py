"""The service on a real database, without gRPC and bus."""

import asyncio
from importlib import resources
from types import SimpleNamespace

import pytest
import pytest_asyncio
from fp_experiment.adapters.postgres.batches import PostgresBatchWriter
from fp_experiment.adapters.postgres.points import partitioned
from fp_experiment.adapters.postgres.reads import PostgresReads
from fp_experiment.adapters.postgres.transactions import PostgresTransaction
from fp_experiment.app.archive_experiment import ArchiveExperiment
from fp_experiment.app.create_experiment import CreateExperiment
from fp_experiment.app.delete_run import DeleteRun
from fp_experiment.app.history import History
from fp_experiment.app.ingest import Ingest
from fp_experiment.app.log_params import LogParams
from fp_experiment.app.queries import Queries
from fp_experiment.app.set_run_artifacts import SetRunArtifacts
from fp_experiment.app.start_run import StartRun
from fp_experiment.app.update_experiment import UpdateExperiment
from fp_experiment.app.update_run_status import UpdateRunStatus
from fp_experiment.domain.batching import BatchPolicy
from fp_postgres import Database, DatabaseTransactions
from fp_postgres.partitions import Partitions
from fp_testkit.wallclock import RunningClock

MIGRATIONS = resources.files("fp_experiment") / "migrations"


@pytest_asyncio.fixture
async def experiment_url(databases):
    """A migrated database with partitions."""
    url = await databases.create(MIGRATIONS, service="experiment")
    opened = await Database.connect(url, source="experiment")
    # By the ids of runs, which are of the service's time.
    await Partitions(opened, partitioned()).ensure(RunningClock().now())
    await opened.close()
    return url


@pytest_asyncio.fixture
async def database(experiment_url):
    opened = await Database.connect(experiment_url, source="experiment")
    yield opened
    await opened.close()


@pytest.fixture
def reads(database):
    return PostgresReads(database)


@pytest.fixture
def writer(database):
    return PostgresBatchWriter(database)


@pytest_asyncio.fixture
async def do(database, reads, writer):
    """The use-cases, with the batches being written."""
    ingest = Ingest(writer, RunningClock(), BatchPolicy(age=0.001))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(ingest.run())
        transactions, clock = DatabaseTransactions(database, PostgresTransaction), RunningClock()
        yield SimpleNamespace(
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
        )
        running.cancel()
