import asyncio
from dataclasses import replace
from importlib import resources

import pytest
import pytest_asyncio
import registry_commands
from fp_events import decode
from fp_kernel import Command, Principal
from fp_postgres import Database, DatabaseTransactions
from fp_redis import RedisClient
from fp_registry.adapters.postgres.changes import PostgresChanges
from fp_registry.adapters.postgres.contents import PostgresContentClaims
from fp_registry.adapters.postgres.pending_uploads import PostgresUploadQueue
from fp_registry.adapters.postgres.reads import PostgresReads
from fp_registry.adapters.postgres.records import PostgresRecords
from fp_registry.adapters.postgres.transactions import PostgresTransaction
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.api.read_model import MessageDocuments
from fp_registry.app.measure_upload import SizeLimits
from fp_registry.app.measure_uploads import MeasureUploads
from fp_registry.app.urls import ArtifactUrls
from fp_registry.domain.model import NewModel
from fp_registry.domain.version import NewVersion
from fp_testkit.patience import PATIENCE
from registry_artifacts import MemoryArtifacts

OUTBOX = "SELECT envelope, sequence FROM fp_outbox ORDER BY position"


ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")


class Side:
    """The write side."""

    def __init__(self, database):
        self.database = database
        self.transactions = DatabaseTransactions(database, PostgresTransaction)
        self.records = PostgresRecords(database)
        self.source = PostgresReads(database, MessageDocuments())
        self.changes = PostgresChanges(database, batch=3)
        self.pending = PostgresUploadQueue(database)
        self.contents = PostgresContentClaims(database)

    async def emitted(self):
        rows = await self.database.fetch(OUTBOX)
        return [replace(decode(row["envelope"]), sequence=row["sequence"]) for row in rows]

    async def make_due(self):
        """Time passes for those who wait in the queue."""
        await self.database.execute("UPDATE verifications SET due_at = now()")

    async def waiting(self):
        return await self.database.fetchval("SELECT count(*) FROM verifications")


@pytest_asyncio.fixture
async def database(databases):
    url = await databases.create(resources.files("fp_registry") / "migrations", service="registry")
    opened = await Database.connect(url, source="registry")
    yield opened
    await opened.close()


@pytest.fixture
def side(database):
    return Side(database)


@pytest.fixture
def artifacts():
    return MemoryArtifacts()


@pytest_asyncio.fixture
async def link(redis_url, clock):
    opened = RedisClient.open(redis_url, clock, store="the projection", timeout=PATIENCE)
    yield opened
    await opened.close()


@pytest.fixture
def read_store(link):
    """Both halves of a projection, empty."""
    return RedisGenerations(link, MessageDocuments()), RedisProjection(link)


class Desk:
    def __init__(self, side, artifacts, clock, limits=None):
        limits = limits or SizeLimits(inline=10, artifact=20)
        self.side, self.artifacts = side, artifacts
        self.wake, self.outcomes = asyncio.Event(), []
        self.do = registry_commands.build(
            side.transactions,
            side.records,
            artifacts,
            side.contents,
            clock=clock,
            limits=limits,
            wake=self.wake,
        )
        self.urls = ArtifactUrls(side.records, artifacts, clock)
        self.worker = MeasureUploads(
            side.pending,
            transactions=side.transactions,
            records=side.records,
            artifacts=artifacts,
            contents=side.contents,
            clock=clock,
            wake=self.wake,
            observe=self.outcomes.append,
            limits=limits,
        )

    async def version(self, content=None, framework="", name="flights"):
        new = NewModel(name=name, framework=framework)
        model = (await self.do.register_model(new, ANN, NO_KEY)).model
        version = (await self.do.create_version(model.id, NewVersion(), ANN, NO_KEY)).version
        if content is not None:
            self.artifacts.objects[version.artifact_path] = content
        return version

    async def confirm(self, version, expected="", caller=ANN):
        return (await self.do.confirm_upload(version.id, expected, caller, NO_KEY)).version

    async def ready_events(self):
        return [event for event in await self.side.emitted() if event.type == "fp.models.version.ready"]

    async def status(self, version):
        return (await self.side.records.version("alpha", version.id)).status


@pytest.fixture
def desk(side, artifacts, clock):
    return Desk(side, artifacts, clock)


@pytest.fixture
def new_desk(database, clock):
    """For property tests, which need one for each example."""
    return lambda: Desk(Side(database), MemoryArtifacts(), clock)


@pytest.fixture
def large_desk(side, artifacts, clock):
    """Takes artifacts of a real size, in the background."""
    return Desk(side, artifacts, clock, SizeLimits(inline=10))


@pytest.fixture
def roomy_desk(side, artifacts, clock):
    """Takes artifacts of a real size at once."""
    return Desk(side, artifacts, clock, SizeLimits())
