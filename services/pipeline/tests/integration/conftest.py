"""The stores of pipeline over a real Postgres, and the same in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest
from fp_kernel import SystemClock
from fp_pipeline.adapters.memory.stores import MemoryStores
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.stores import PostgresReads, PostgresTransactions
from fp_postgres import Database

MIGRATIONS = resources.files("fp_pipeline") / "migrations"


@dataclass
class Stores:
    transactions: Any
    reads: Any
    leases: Any
    deployments: Any


@pytest.fixture
async def database(databases) -> AsyncIterator[Database]:
    opened = await Database.connect(await databases.create(MIGRATIONS, service="pipeline"), source="pipeline")
    yield opened
    await opened.close()


@pytest.fixture
def memory_stores() -> Stores:
    memory = MemoryStores(SystemClock())
    return Stores(memory.transactions, memory.reads, memory.execution_store, memory.deployments)


@pytest.fixture
def postgres_stores(database: Database) -> Stores:
    return Stores(
        PostgresTransactions(database),
        PostgresReads(database),
        PostgresLeases(database),
        PostgresDeploymentReads(database),
    )


@pytest.fixture(params=["memory_stores", "postgres_stores"])
def stores(request: pytest.FixtureRequest) -> Stores:
    found: Stores = request.getfixturevalue(request.param)
    return found
