"""Where reads go: the projection, or Postgres when it does not know, is behind or away."""

import asyncio

import pytest
from fp_kernel import NotFound, PageRequest, new_id
from fp_registry.api.read_model import read_model
from fp_registry.app.positions import Position
from fp_registry.app.queries import Queries
from fp_registry.app.read_ports import ModelFilter, ModelRef, VersionRef
from fp_registry.app.rebuild import Rebuild
from fp_testkit.patience import PATIENCE
from registry_projection import MemoryGenerations, MemoryProjection

TEN = PageRequest(10)


class Reader:
    def __init__(self, world, patience):
        self.world, self.outcomes = world, []
        self.generations = MemoryGenerations()
        projection = MemoryProjection(self.generations, world.documents)
        self.read = Queries(projection, world.source, world.records, patience=patience, observe=self.outcomes.append)
        self.project = world.projector(self.generations)

    async def rebuild(self):
        await Rebuild(self.world.changes, self.generations)()


@pytest.fixture
def reader(world):
    return Reader(world, patience=0.05)


async def test_a_read_comes_from_the_projection(reader, world):
    model = world.register()
    await reader.rebuild()
    world.retag(model, tier="2")
    document = await reader.read.model("alpha", ModelRef(id=model.id), ())
    assert read_model(document).tags == {}
    assert reader.outcomes == ["hit"]


async def test_what_was_just_created_is_found_before_it_is_projected(reader, world):
    await reader.rebuild()
    model = world.register()
    version = world.add_version(model)
    assert await reader.read.model("alpha", ModelRef(name="flights"), ())
    assert await reader.read.version("alpha", VersionRef(model_id=model.id, name="1"), ())
    assert await reader.read.version("alpha", VersionRef(id=version.id), ())
    assert len((await reader.read.versions("alpha", model.id, None, TEN, ())).documents) == 1
    assert set(reader.outcomes) == {"miss"}


async def test_before_there_is_a_projection_lists_come_from_the_source(reader, world):
    world.register()
    assert len((await reader.read.models("alpha", ModelFilter(), TEN, ())).documents) == 1
    assert reader.outcomes == ["miss"]


async def test_while_the_projection_is_away_reads_come_from_the_source(reader, world):
    model = world.register()
    await reader.rebuild()
    reader.generations.away = True
    position = Position(model.id, 1)
    assert await reader.read.model("alpha", ModelRef(id=model.id), (position,))
    assert reader.outcomes == ["away"]


async def test_a_read_waits_for_the_position_it_names(world):
    reader = Reader(world, patience=PATIENCE)
    model = world.register()
    await reader.rebuild()
    changed = world.retag(model, tier="2")
    position = Position(model.id, changed.revision)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(reader.read.models("alpha", ModelFilter(tag=("tier", "2")), TEN, (position,)))
        await asyncio.sleep(0)
        assert not reading.done()
        await reader.project("alpha", model.id)
    assert len(reading.result().documents) == 1
    assert reader.outcomes == ["hit"]


async def test_a_position_that_does_not_come_in_time_is_read_from_the_source(reader, world):
    model = world.register()
    await reader.rebuild()
    changed = world.retag(model, tier="2")
    document = await reader.read.model("alpha", ModelRef(id=model.id), (Position(model.id, changed.revision),))
    assert read_model(document).tags == {"tier": "2"}
    assert reader.outcomes == ["late"]


async def test_a_position_of_an_unknown_model_delays_and_does_not_fail(reader, world):
    model = world.register()
    await reader.rebuild()
    assert await reader.read.model("alpha", ModelRef(id=model.id), (Position(new_id(), 1),))


async def test_a_list_of_nothing_is_empty_and_of_an_unknown_model_not_found(reader):
    await reader.rebuild()
    assert (await reader.read.models("alpha", ModelFilter(), TEN, ())).documents == ()
    with pytest.raises(NotFound):
        await reader.read.versions("alpha", new_id(), None, TEN, ())


async def test_another_team_finds_nothing(reader, world):
    model = world.register()
    version = world.add_version(model)
    await reader.rebuild()
    for read in (
        reader.read.model("beta", ModelRef(id=model.id), ()),
        reader.read.model("beta", ModelRef(name="flights"), ()),
        reader.read.version("beta", VersionRef(id=version.id), ()),
        reader.read.version("beta", VersionRef(model_id=model.id, name="1"), ()),
        reader.read.versions("beta", model.id, None, TEN, ()),
        reader.read.history("beta", model.id, TEN),
    ):
        with pytest.raises(NotFound):
            await read
    assert (await reader.read.models("beta", ModelFilter(), TEN, ())).documents == ()
