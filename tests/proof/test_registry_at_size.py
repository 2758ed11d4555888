"""100,000 models: every filter pages through all of them, in both stores, and a page costs the same anywhere."""

import json
import time
from importlib import resources
from statistics import median

import pytest
from fp_kernel import PageRequest, new_id
from fp_postgres import Database
from fp_redis import WRITE_TIMEOUT, RedisClient
from fp_registry.adapters.postgres.changes import PostgresChanges
from fp_registry.adapters.postgres.reads import PostgresReads
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.api.read_model import MessageDocuments, read_model
from fp_registry.app.project import Projector
from fp_registry.app.read_ports import ModelFilter
from fp_registry.app.rebuild import Rebuild
from fp_testkit.wallclock import MOMENT, RunningClock

pytestmark = pytest.mark.proof
MODELS = 100_000
CHUNK = 20_000
FRAMEWORKS = ("onnx", "xgb", "sklearn", "torch")
FILTERS = [
    ModelFilter(),
    ModelFilter(archived=True),
    ModelFilter(framework="xgb"),
    ModelFilter(framework="rare"),
    ModelFilter(task_type="regression", archived=True),
    ModelFilter(framework="onnx", task_type="classification"),
    ModelFilter(tag=("tier", "1")),
]
# Milliseconds at the median; a page of 100 from Redis takes 0.4 on two cores.
PAGE = 5.0
PAGES_TO_COMPARE = 100
INSERT = """
    INSERT INTO models (id, team, name, description, owner_id, framework, task_type, tags, revision, versions,
                        next_number, created_at, updated_at, archived_at)
    SELECT id, 'alpha', name, '', 'ann', framework, task_type, tags::jsonb, 1, 0, 1, $6, $6, archived_at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $7::timestamptz[])
        AS made (id, name, framework, task_type, tags, archived_at)
"""


@pytest.fixture
async def database(databases):
    url = await databases.create(resources.files("fp_registry") / "migrations", service="registry")
    opened = await Database.connect(url, source="registry")
    yield opened
    await opened.close()


@pytest.fixture
async def link(redis_url):
    opened = RedisClient.open(redis_url, RunningClock(), store="the projection", timeout=WRITE_TIMEOUT)
    yield opened
    await opened.close()


async def test_every_filter_pages_through_a_hundred_thousand_models(database, link):
    ids = await _fill(database)
    known = set(ids)
    documents = MessageDocuments()
    changes, generations = PostgresChanges(database), RedisGenerations(link, documents)
    started = time.monotonic()
    assert await Rebuild(changes, generations)() == MODELS
    print(f"\nrebuild of {MODELS} models: {time.monotonic() - started:.1f} s")
    stores = {"redis": RedisProjection(link), "postgres": PostgresReads(database, documents)}
    projector = Projector(changes, generations, lambda _: None)
    for wanted in FILTERS:
        expected = [ids[number] for number in range(MODELS - 1, -1, -1) if _matches(number, wanted)]
        for name, store in stores.items():
            found, times = await _walk(store, wanted, lambda: _add(database, projector))
            assert [model_id for model_id in found if model_id in known] == expected, (name, wanted)
            assert name != "redis" or median(times) < PAGE
            if len(times) > PAGES_TO_COMPARE:
                assert median(times[-len(times) // 4 :]) < 3 * median(times[: len(times) // 4])
    used = (await link.ask(("INFO", "memory")))[0]["used_memory"]
    print(f"projection: {used / 2**20:.0f} MiB")


async def _fill(database):
    ids = [new_id() for _ in range(MODELS)]
    now = MOMENT
    for start in range(0, MODELS, CHUNK):
        numbers = range(start, start + CHUNK)
        await database.execute(
            INSERT,
            [ids[n] for n in numbers],
            [f"model-{n}" for n in numbers],
            [_framework(n) for n in numbers],
            [_task(n) for n in numbers],
            [json.dumps({"tier": str(n % 3)}) for n in numbers],
            now,
            [now if _archived(n) else None for n in numbers],
        )
    await database.execute("ANALYZE models")
    return ids


async def _walk(store, wanted, between):
    """All ids in the order of the pages, and the milliseconds of each page."""
    found, times, after = [], [], None
    while True:
        started = time.perf_counter()
        rows = await store.models("alpha", wanted, PageRequest(100, after))
        times.append(1_000 * (time.perf_counter() - started))
        found += [read_model(document).id for document in rows.documents]
        if not rows.after:
            return found, times
        if len(times) == 1:
            await between()
        after = (rows.after,)


async def _add(database, projector):
    """A model that is newer than every page begun: no cursor may slip."""
    model_id, now = new_id(), MOMENT
    await database.execute(
        INSERT, [model_id], [f"late-{model_id}"], ["xgb"], ["regression"], ['{"tier": "1"}'], now, [None]
    )
    await projector("alpha", model_id)


def _framework(number):
    return "rare" if number % 5_000 == 0 else FRAMEWORKS[number % 4]


def _task(number):
    return ("classification", "regression")[number // 4 % 2]


def _archived(number):
    return number % 10 == 7


def _matches(number, wanted):
    return (
        wanted.framework in ("", _framework(number))
        and wanted.task_type in ("", _task(number))
        and (not wanted.tag or wanted.tag == ("tier", str(number % 3)))
        and (wanted.archived or not _archived(number))
    )
