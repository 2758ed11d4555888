from dataclasses import replace
from importlib import resources

import pytest
import pytest_asyncio
from fp_events import decode
from fp_postgres import Database
from fp_registry.adapters.changes import PostgresChanges
from fp_registry.adapters.memory.objects import MemoryArtifacts
from fp_registry.adapters.memory.projection import MemoryGenerations, MemoryProjection
from fp_registry.adapters.memory.reads import MemoryChanges, MemoryRecords, MemorySource
from fp_registry.adapters.memory.state import State
from fp_registry.adapters.memory.transactions import MemoryTransactions
from fp_registry.adapters.memory.verifications import MemoryVerifications
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.link import Link
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.adapters.records import PostgresRecords
from fp_registry.adapters.source import PostgresSource
from fp_registry.adapters.transactions import PostgresTransactions
from fp_registry.adapters.verifications import PostgresVerifications
from fp_registry.api.documents import MessageDocuments

OUTBOX = "SELECT envelope, sequence FROM fp_outbox ORDER BY position"


class MemorySide:
    def __init__(self, clock):
        state = State()
        self.transactions = MemoryTransactions(state)
        self.records = MemoryRecords(state)
        self.source = MemorySource(state, MessageDocuments())
        self.changes = MemoryChanges(state, batch=3)
        self.verifications = MemoryVerifications(state, clock)

    async def emitted(self):
        return self.transactions.events

    async def make_due(self):
        """Time passes for those who wait in the queue."""
        for version_id in list(self.verifications._state.verifications):
            wish = dict(self.verifications._state.verifications[version_id])
            wish.pop("due_at", None)
            self.verifications._state.verifications[version_id] = wish


class PostgresSide:
    def __init__(self, database):
        self.database = database
        self.transactions = PostgresTransactions(database)
        self.records = PostgresRecords(database)
        self.source = PostgresSource(database, MessageDocuments())
        self.changes = PostgresChanges(database, batch=3)
        self.verifications = PostgresVerifications(database)

    async def emitted(self):
        rows = await self.database.fetch(OUTBOX)
        return [replace(decode(row["envelope"]), sequence=row["sequence"]) for row in rows]

    async def make_due(self):
        """Time passes for those who wait in the queue."""
        await self.database.execute("UPDATE verifications SET due_at = now()")


@pytest_asyncio.fixture
async def database(databases):
    url = await databases.create(resources.files("fp_registry") / "migrations", service="registry")
    opened = await Database.connect(url, source="registry")
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "postgres"])
def side(request):
    """The write side; what one promises the other must promise too."""
    if request.param == "memory":
        return MemorySide(request.getfixturevalue("clock"))
    return PostgresSide(request.getfixturevalue("database"))


@pytest.fixture
def artifacts():
    return MemoryArtifacts()


@pytest_asyncio.fixture
async def link(redis_url, clock):
    opened = Link.open(redis_url, clock)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "redis"])
def read_store(request):
    """Both halves of a projection, empty; what one promises the other must promise too."""
    if request.param == "memory":
        generations = MemoryGenerations()
        return generations, MemoryProjection(generations, MessageDocuments())
    link = request.getfixturevalue("link")
    return RedisGenerations(link, MessageDocuments()), RedisProjection(link)
