"""Killed at every step of a confirmation, at once and in the background."""

import asyncio
import hashlib
import io
import itertools
from datetime import timedelta
from importlib import resources
from types import SimpleNamespace

import pytest
from fp_events import decode
from fp_kernel import Aborted, Command, Principal
from fp_postgres import Database, DatabaseTransactions
from fp_registry.adapters.objects import ObjectArtifacts
from fp_registry.adapters.postgres.contents import PostgresContentClaims
from fp_registry.adapters.postgres.pending_uploads import PostgresUploadQueue
from fp_registry.adapters.postgres.records import PostgresRecords
from fp_registry.adapters.postgres.transactions import PostgresTransaction
from fp_registry.app.confirm_upload import ConfirmUpload
from fp_registry.app.create_version import CreateVersion
from fp_registry.app.delete_contents import DeleteContents
from fp_registry.app.measure_upload import SizeLimits
from fp_registry.app.measure_uploads import MeasureUploads
from fp_registry.app.register_model import RegisterModel
from fp_registry.domain.artifact import content_key
from fp_registry.domain.model import NewModel
from fp_registry.domain.stages import Status
from fp_registry.domain.version import NewVersion
from fp_s3 import Location, ObjectStore
from fp_testkit.wallclock import RunningClock

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
CONTENT = b"a model"
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class StoredArtifacts(ObjectArtifacts):
    """With a store of their own."""

    def __init__(self, location):
        self.store = ObjectStore(location)
        super().__init__(self.store)

    async def close(self):
        await self.store.close()


def _parts(database, artifacts, *, inline):
    transactions, records = DatabaseTransactions(database, PostgresTransaction), PostgresRecords(database)
    contents = PostgresContentClaims(database)
    limits, wake, clock = SizeLimits(inline=inline), asyncio.Event(), RunningClock()
    # A process that is killed knows nothing of what tests share: it imports this module alone.
    do = SimpleNamespace(
        register_model=RegisterModel(transactions, clock),
        create_version=CreateVersion(transactions, clock),
        confirm_upload=ConfirmUpload(
            transactions, records=records, artifacts=artifacts, contents=contents, clock=clock, wake=wake, limits=limits
        ),
    )
    worker = MeasureUploads(
        PostgresUploadQueue(database),
        transactions=transactions,
        records=records,
        artifacts=artifacts,
        contents=contents,
        clock=clock,
        wake=wake,
        observe=lambda _: None,
        limits=limits,
    )
    return do, worker


async def confirm(crash, url, store, version_id, inline):
    """The scenario: confirm, and measure in the background what was not measured at once."""
    database = await Database.connect(url, source="registry")
    do, worker = _parts(crash.wrap(database), crash.wrap(StoredArtifacts(store)), inline=inline)
    await do.confirm_upload(version_id, DIGEST, ANN, NO_KEY)
    await worker.once()


async def delete(crash, url, store, *_):
    """The scenario: delete what no version has."""
    database = await Database.connect(url, source="registry")
    await DeleteContents(crash.wrap(PostgresContentClaims(database)), crash.wrap(StoredArtifacts(store)))()


async def _time_passes(database):
    """Claims end, and deletions that were not answered are tried again."""
    await database.execute("UPDATE artifact_claims SET claimed_until = now() - interval '1 s'")


@pytest.fixture
async def arranged(databases, s3):
    """For each run a version with an upload, all in one database."""
    store = Location(s3.endpoint, s3.name, s3.access_key, s3.secret_key)
    url = await databases.create(resources.files("fp_registry") / "migrations", service="registry")
    runs = itertools.count()

    def arranging(inline):
        async def arrange():
            database = await Database.connect(url, source="registry")
            do, _ = _parts(database, StoredArtifacts(store), inline=inline)
            model = (await do.register_model(NewModel(name=f"m{next(runs)}"), ANN, NO_KEY)).model
            version = (await do.create_version(model.id, NewVersion(), ANN, NO_KEY)).version
            await database.close()
            s3.client().put_object(s3.name, version.artifact_path, io.BytesIO(CONTENT), len(CONTENT))
            return url, store, version.id, inline

        return arrange

    return arranging


async def _check(run):
    """Whatever was reached: the version is whole, and doing it again ends it with one event."""
    url, store, version_id, inline = run.arguments
    database = await Database.connect(url, source="registry")
    artifacts, records = StoredArtifacts(store), PostgresRecords(database)
    version = await records.version("alpha", version_id)
    assert await _ready_events(database, version) == (1 if version.status is Status.READY else 0)
    await database.execute("UPDATE verifications SET due_at = now()")
    do, worker = _parts(database, artifacts, inline=inline)
    await do.confirm_upload(version_id, DIGEST, ANN, NO_KEY)
    while await worker.once():
        pass
    version = await records.version("alpha", version_id)
    assert (version.status, version.digest) == (Status.READY, DIGEST)
    assert await _ready_events(database, version) == 1
    assert await artifacts.look(version.artifact_path) is not None
    assert await database.fetchval("SELECT count(*) FROM verifications") == 0
    await artifacts.close()
    await database.close()


async def _ready_events(database, version):
    events = [decode(row["envelope"]) for row in await database.fetch("SELECT envelope FROM fp_outbox")]
    return sum(event.type == "fp.models.version.ready" and event.resource_id == version.model_id for event in events)


async def test_a_confirmation_that_is_killed_anywhere_can_be_repeated(kill_at, arranged):
    steps = await kill_at(confirm, _check, arrange=arranged(inline=100))
    assert steps > 10


async def test_a_background_measurement_that_is_killed_anywhere_is_taken_up_again(kill_at, arranged):
    steps = await kill_at(confirm, _check, arrange=arranged(inline=0))
    assert steps > 15


async def test_a_confirmation_that_is_killed_anywhere_leaves_no_content_without_a_version(kill_at, arranged):
    """Whatever was reached, the deletion never takes what a version has, and leaves nothing that none has."""

    async def check(run):
        url, store, version_id, _ = run.arguments
        database = await Database.connect(url, source="registry")
        artifacts = StoredArtifacts(store)
        await _time_passes(database)
        await DeleteContents(PostgresContentClaims(database), artifacts)()
        version = await PostgresRecords(database).version("alpha", version_id)
        # One content for all runs: those that came to their end have it.
        had = await database.fetchval("SELECT count(*) FROM versions WHERE status = 'READY'")
        assert (await artifacts.look(content_key(DIGEST)) is not None) == (had > 0)
        assert version.status is not Status.READY or had
        assert await database.fetchval("SELECT count(*) FROM artifact_claims") == 0
        await database.execute("UPDATE versions SET status = 'FAILED' WHERE status = 'READY'")
        await artifacts.delete([content_key(DIGEST)])
        await artifacts.close()
        await database.close()

    assert await kill_at(confirm, check, arrange=arranged(inline=100)) > 10


async def test_a_deletion_that_is_killed_anywhere_is_done_by_the_next(kill_at, arranged, s3):
    arrange = arranged(inline=100)

    async def orphan():
        url, store, version_id, inline = await arrange()
        database, artifacts = await Database.connect(url, source="registry"), StoredArtifacts(store)
        await _time_passes(database)
        assert await PostgresContentClaims(database).claim(content_key(DIGEST), timedelta(hours=-1))
        s3.client().put_object(s3.name, content_key(DIGEST), io.BytesIO(CONTENT), len(CONTENT))
        await artifacts.close()
        await database.close()
        return url, store, version_id, inline

    async def check(run):
        url, store, version_id, inline = run.arguments
        database, artifacts = await Database.connect(url, source="registry"), StoredArtifacts(store)
        do, _ = _parts(database, artifacts, inline=inline)
        # A confirmation that comes right then has its content, or is told to come again.
        try:
            ready = (await do.confirm_upload(version_id, DIGEST, ANN, NO_KEY)).version
        except Aborted:
            await _time_passes(database)
            await DeleteContents(PostgresContentClaims(database), artifacts)()
            ready = (await do.confirm_upload(version_id, DIGEST, ANN, NO_KEY)).version
        await _time_passes(database)
        await DeleteContents(PostgresContentClaims(database), artifacts)()
        assert await artifacts.look(ready.artifact_path) is not None
        assert await database.fetchval("SELECT count(*) FROM artifact_claims") == 0
        await database.execute("UPDATE versions SET status = 'FAILED' WHERE status = 'READY'")
        await artifacts.close()
        await database.close()

    assert await kill_at(delete, check, arrange=orphan) >= 3
