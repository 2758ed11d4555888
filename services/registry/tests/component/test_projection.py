"""Reads and the state of the projection: behind, flushed, rebuilt, away."""

import asyncio
import os
import sys

import pytest
import pytest_asyncio
from forgepoint.common.v1 import common_pb2
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_registry.app.project import Projector
from fp_testkit.patience import PATIENCE

POSITION = "fp-position"


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


async def reads(registry):
    """The metrics of where reads were answered."""
    lines = (await registry.get("/metrics")).text.splitlines()
    prefix = 'fp_registry_reads_total{result="'
    found = (line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix))
    return {result: float(value) for result, value in found}


async def everything(caller):
    """All that lists show, through pages of two."""

    async def pages(request):
        rows, token = [], ""
        while True:
            request.pagination.CopyFrom(common_pb2.PaginationRequest(page_size=2, page_token=token))
            answer = await caller(request)
            rows += getattr(answer, "models", None) or answer.versions
            token = answer.pagination.next_page_token
            if not token:
                return rows

    models = await pages(pb.ListModelsRequest(include_archived=True))
    return [models, *[await pages(pb.ListVersionsRequest(model_id=model.id)) for model in models]]


@pytest.fixture
def ann(registry):
    """An engineer who takes reads as they come."""
    return registry.engineer()


@pytest_asyncio.fixture
async def filled(registry, ann):
    """Five models, one with five versions, one archived; the projection is complete."""
    models = [await ann.register(f"m{n}", framework="sklearn", tags={"tier": str(n % 2)}) for n in range(5)]
    for n in range(5):
        await ann.promote(await ann.ready(models[0], str(n).encode()))
    await ann(pb.DeleteModelRequest(id=models[1].id))

    async def complete():
        before = await reads(registry)
        await everything(ann)
        after = await reads(registry)
        return after["hit"] > before.get("hit", 0) and after.get("miss") == before.get("miss")

    await until(complete)
    return models


@pytest.fixture
def no_courtesy(monkeypatch):
    """Commands answer before the projection has them, as when the store is slow; only events and notes bring them."""
    trailers = asyncio.Event()
    project = Projector.__call__

    async def wait(self, team, model_id):
        await trailers.wait()
        await project(self, team, model_id)

    monkeypatch.setattr(Projector, "__call__", wait)
    return trailers


async def test_a_read_that_names_its_write_sees_it(no_courtesy, registry, ann, filled_at_once):
    model, _ = filled_at_once
    _, trailers = await ann.with_trailers(
        pb.UpdateModelRequest(id=model.id, description="new", update_description=True)
    )
    stale = await ann(pb.GetModelRequest(id=model.id))
    assert stale.model.description == ""
    asyncio.get_running_loop().call_later(0.1, no_courtesy.set)
    fresh = await ann(pb.ListModelsRequest(), position=trailers[POSITION])
    assert fresh.models[0].description == "new"
    assert (await reads(registry)).get("late", 0) == 0


async def test_a_read_whose_write_is_not_projected_in_time_gets_it_from_postgres(
    no_courtesy, registry, ann, filled_at_once
):
    model, _ = filled_at_once
    _, trailers = await ann.with_trailers(
        pb.UpdateModelRequest(id=model.id, description="new", update_description=True)
    )
    fresh = await ann(pb.GetModelRequest(id=model.id), position=trailers[POSITION])
    assert fresh.model.description == "new"
    assert (await reads(registry))["late"] == 1


@pytest_asyncio.fixture
async def filled_at_once(request, registry, ann, no_courtesy):
    """One model that is projected, whatever `no_courtesy` does afterwards."""
    no_courtesy.set()
    model = await ann.register()

    async def projected():
        await ann(pb.ListModelsRequest())
        return (await reads(registry)).get("hit", 0) > 0

    await until(projected)
    no_courtesy.clear()
    return model, registry


async def test_create_then_get_works_while_nothing_is_projected(no_courtesy, ann, registry):
    model = await ann.register()
    created = await ann.create(model)
    assert (await ann(pb.GetModelRequest(name="flights"))).model.id == model.id
    assert (await ann(pb.GetVersionRequest(id=created.version.id))).version == created.version
    assert (await ann(pb.ListVersionsRequest(model_id=model.id))).versions
    no_courtesy.set()


async def test_a_flushed_projection_is_rebuilt_and_equals_postgres(registry, ann, filled, store):
    before = await everything(ann)
    store.flushall()
    assert await everything(ann) == before

    async def rebuilt():
        return store.hget("{fp:registry}:pointer", "current") is not None

    await until(rebuilt)
    hits = (await reads(registry))["hit"]
    assert await everything(ann) == before
    assert (await reads(registry))["hit"] > hits


async def test_the_rebuild_command_works_beside_the_service(registry, ann, filled, store, settings):
    before = await everything(ann)
    first = store.hget("{fp:registry}:pointer", "current")
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fp_registry",
        "rebuild",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"],
            "FP_DATABASE_URL": settings.database_url.get_secret_value(),
            "FP_REDIS_URL": settings.redis_url.get_secret_value(),
        },
    )
    output, errors = await command.communicate()
    assert command.returncode == 0, errors
    assert output.decode().strip() == "5 models are in the projection"
    assert store.hget("{fp:registry}:pointer", "current") != first
    assert await everything(ann) == before


async def test_without_redis_everything_is_answered_by_postgres(start):
    replica = await start(redis_url="redis://127.0.0.1:9")
    caller = replica.engineer()
    model = await caller.register(tags={"tier": "1"})
    version = await caller.ready(model)
    await caller.promote(version)
    assert (await caller(pb.GetVersionRequest(id=version.id))).version.stage == pb.MODEL_STAGE_PRODUCTION
    assert len((await caller(pb.ListModelsRequest())).models) == 1
    assert len((await caller(pb.SearchByTagRequest(key="tier", value="1"))).models) == 1
    assert len((await caller(pb.ListVersionsRequest(model_id=model.id))).versions) == 1
    ready = await replica.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert set(await reads(replica)) == {"away"}


async def test_what_changed_while_redis_was_away_is_projected_afterwards(start, settings, registry, ann):
    """Events were taken by a replica that does not reach Redis; one that does brings the projection up."""
    await registry.service.stop()
    cut_off = await start(redis_url="redis://127.0.0.1:9")
    caller = cut_off.engineer()
    model = await caller.register()
    await caller(pb.UpdateModelRequest(id=model.id, description="new", update_description=True))
    await cut_off.service.stop()
    replica = await start()
    caller = replica.engineer()

    async def projected():
        found = await caller(pb.GetModelRequest(id=model.id))
        return found.model.description == "new" and (await reads(replica)).get("hit", 0) > 0

    await until(projected)


async def test_a_page_token_goes_on_in_the_other_store(registry, ann, filled, store):
    request = pb.ListModelsRequest(include_archived=True)
    request.pagination.page_size = 2
    first = await ann(request)
    store.flushall()
    request.pagination.page_token = first.pagination.next_page_token
    second = await ann(request)
    ids = [model.id for model in (*first.models, *second.models)]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 4
