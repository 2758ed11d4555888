"""Reads that must see what a change under way comes to."""

import asyncio

import registry_commands
from fp_kernel import Command, Principal
from fp_postgres import DatabaseTransactions
from fp_registry.adapters.postgres.contents import PostgresContentClaims
from fp_registry.adapters.postgres.reads import PostgresReads
from fp_registry.adapters.postgres.records import PostgresRecords
from fp_registry.adapters.postgres.transactions import PostgresTransaction
from fp_registry.api.read_model import MessageDocuments, read_version
from fp_registry.app.measure_upload import SizeLimits
from fp_registry.app.queries import Queries
from fp_registry.app.read_ports import VersionRef
from fp_registry.domain.model import NewModel
from fp_registry.domain.version import NewVersion
from fp_testkit.patience import PATIENCE
from registry_artifacts import MemoryArtifacts
from registry_projection import MemoryGenerations, MemoryProjection

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")


async def test_a_current_read_says_what_a_change_under_way_came_to(database, clock):
    records, documents = PostgresRecords(database), MessageDocuments()
    do = registry_commands.build(
        DatabaseTransactions(database, PostgresTransaction),
        records,
        MemoryArtifacts(),
        PostgresContentClaims(database),
        clock=clock,
        limits=SizeLimits(),
        wake=asyncio.Event(),
    )
    model = (await do.register_model(NewModel(name="flights"), ANN, NO_KEY)).model
    version = (await do.create_version(model.id, NewVersion(), ANN, NO_KEY)).version
    projection = MemoryProjection(MemoryGenerations(), documents)
    read = Queries(projection, PostgresReads(database, documents), records, patience=PATIENCE, observe=lambda _: None)
    for ref in (VersionRef(id=version.id), VersionRef(model_id=model.id, name=version.name)):
        async with asyncio.timeout(PATIENCE), database.transaction() as tx:
            # As a command does it: the model's row from the first look to the commit.
            await tx.execute("SELECT FROM models WHERE id = $1 FOR NO KEY UPDATE", model.id)
            reading = asyncio.create_task(read.current_version("alpha", ref))
            while not await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not reading.done(), "it did not wait"
                await asyncio.sleep(0.01)
            await tx.execute("UPDATE versions SET description = $2 WHERE id = $1", version.id, repr(ref))
        assert read_version(await reading)[0].description == repr(ref)
