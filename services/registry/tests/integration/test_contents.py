"""Contents that no version refers to are deleted, and never one that a version has."""

import asyncio
import hashlib
import itertools
from datetime import timedelta

import pytest
from fp_kernel import Aborted, Command, Principal, Unavailable
from fp_registry.adapters.postgres.contents import PostgresContents
from fp_registry.app import measure_upload
from fp_registry.app.delete_contents import DeleteContents
from fp_registry.domain.artifact import content_key
from fp_registry.domain.stages import Status
from fp_testkit.examples import examples
from fp_testkit.patience import PATIENCE
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
CONTENT = b"content"
KEY = content_key(f"sha256:{hashlib.sha256(CONTENT).hexdigest()}")
ENDED = timedelta(seconds=-1)


@pytest.fixture
def delete(desk):
    return DeleteContents(desk.side.contents, desk.artifacts)


async def test_what_no_version_refers_to_goes_when_nobody_claims_it_any_more(desk, delete):
    desk.artifacts.objects[KEY] = CONTENT
    assert await desk.side.contents.claim(KEY, timedelta(hours=1))
    assert await delete() == 0
    await desk.side.database.execute("UPDATE artifact_claims SET claimed_until = now() - interval '1 s'")
    assert await delete() == 1
    assert desk.artifacts.objects == {}
    assert await delete() == 0


async def test_what_a_version_has_stays_though_its_claim_is_left(desk, delete):
    ready = await desk.confirm(await desk.version(CONTENT))
    assert await desk.side.contents.claim(ready.artifact_path, ENDED)
    assert await delete() == 0
    assert desk.artifacts.objects == {ready.artifact_path: CONTENT}
    assert await desk.side.database.fetchval("SELECT count(*) FROM artifact_claims") == 0


async def test_a_content_that_is_being_deleted_is_nobodys_until_it_is_gone(desk, delete):
    version = await desk.version(CONTENT)
    desk.artifacts.objects[KEY] = CONTENT
    await desk.side.contents.claim(KEY, ENDED)
    assert await desk.side.contents.doom(10) == [KEY]
    with pytest.raises(Aborted):
        await desk.confirm(version)
    assert await desk.side.contents.doom(10) == []
    await desk.artifacts.delete([KEY])
    await desk.side.contents.forget([KEY])
    assert (await desk.confirm(version)).status is Status.READY
    assert desk.artifacts.objects == {KEY: CONTENT}


async def test_a_deletion_that_nobody_answered_is_tried_again_after_a_while(desk, delete):
    desk.artifacts.objects[KEY] = CONTENT
    await desk.side.contents.claim(KEY, ENDED)
    desk.artifacts.away = True
    with pytest.raises(Unavailable):
        await delete()
    desk.artifacts.away = False
    assert await delete() == 0
    await desk.side.database.execute("UPDATE artifact_claims SET claimed_until = now() - interval '1 s'")
    assert await delete() == 1
    assert desk.artifacts.objects == {}


class Turns:
    """Tasks that go on one step at a time, as the test says."""

    def __init__(self):
        self.waiting = {}

    def wrap(self, target, *methods):
        for method in methods:
            setattr(target, method, self.stepped(getattr(target, method)))

    def stepped(self, call):
        async def step(*arguments, **options):
            mine = self.waiting[asyncio.current_task()] = asyncio.Event()
            await mine.wait()
            return await call(*arguments, **options)

        return step

    async def go_on(self, task):
        """One step of a task; nothing when it has ended."""
        while not task.done() and task not in self.waiting:
            await asyncio.sleep(0)
        if task in self.waiting:
            self.waiting.pop(task).set()
            while not task.done() and task not in self.waiting:
                await asyncio.sleep(0)


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(moves=[0, 0, 0, 2, 2, 2, 0, 1])
@example(moves=[0, 0, 0, 0, 2, 0, 2, 2, 1, 1, 1, 1, 1])
@given(moves=st.lists(st.integers(0, 2), min_size=6, max_size=24))
async def test_in_any_order_of_steps_a_ready_version_has_its_content(new_desk, monkeypatch, numbers, moves):
    """Two confirmations of one content and a deletion, with claims that end at once."""
    monkeypatch.setattr(measure_upload, "_CLAIM", ENDED)
    desk, number = new_desk(), next(numbers)
    content = f"{number}".encode()
    key = content_key(f"sha256:{hashlib.sha256(content).hexdigest()}")
    versions = [await desk.version(content, name=f"m{number}-{which}") for which in range(2)]
    turns, delete = Turns(), DeleteContents(desk.side.contents, desk.artifacts)
    turns.wrap(desk.artifacts, "measure", "adopt", "delete")
    turns.wrap(desk.side.contents, "claim", "doom", "forget")

    async def confirm(version):
        try:
            return (await desk.confirm(version)).status
        except Aborted:
            return None

    with monkeypatch.context() as patched:
        patched.setattr(PostgresContents, "refer", turns.stepped(PostgresContents.refer))
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            tasks = [group.create_task(confirm(version)) for version in versions]
            tasks.append(group.create_task(delete()))
            for which in moves:
                await turns.go_on(tasks[which])
            while not all(task.done() for task in tasks):
                for task in tasks:
                    await turns.go_on(task)
    statuses = {task.result() for task in tasks[:2]}
    assert statuses <= {Status.READY, None}
    assert key in desk.artifacts.objects or statuses == {None}


@pytest.fixture
def numbers():
    return itertools.count()
