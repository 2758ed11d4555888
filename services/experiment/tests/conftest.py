"""The service on a real database, without gRPC and bus."""

import asyncio
from importlib import resources

import pytest
import pytest_asyncio
from fp_experiment.adapters.postgres.batches import PostgresBatchWriter
from fp_experiment.adapters.postgres.points import partitioned
from fp_experiment.adapters.postgres.stores import PostgresReads, PostgresTransactions
from fp_experiment.app import use_cases
from fp_experiment.app.ingest import Ingest
from fp_experiment.domain.batching import BatchPolicy
from fp_postgres import Database
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
        yield use_cases.build(PostgresTransactions(database), reads, ingest, RunningClock())
        running.cancel()
