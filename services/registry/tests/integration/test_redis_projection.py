"""What only a real store can show."""

import pytest
import redis
from fp_kernel import PageRequest, Unavailable
from fp_redis import RedisClient
from fp_registry.adapters.projection import keys
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.app.read_ports import ModelFilter, ModelRef
from fp_registry.app.rebuild import Rebuild

ALL = ModelFilter(archived=True)


@pytest.fixture
def generations(link, world):
    return RedisGenerations(link, world.documents)


@pytest.fixture
def projection(link):
    return RedisProjection(link)


@pytest.fixture
def store(redis_look_url):
    with redis.Redis.from_url(redis_look_url) as client:
        yield client


async def test_a_rebuild_leaves_one_generation(world, generations, store):
    world.register()
    rebuild = Rebuild(world.changes, generations)
    await rebuild()
    first = set(store.keys())
    await rebuild()
    second = set(store.keys())
    assert len(second) == len(first)
    assert {keys.generation_of(key.decode()) for key in second if b"{alpha}" in key} == {
        (await generations.state()).current
    }


async def test_a_flushed_store_is_empty_and_not_wrong(world, generations, projection, store):
    model = world.register()
    await Rebuild(world.changes, generations)()
    assert await projection.models("alpha", ALL, PageRequest(10)) is not None
    store.flushall()
    world.register("later")
    await world.projector(generations)("alpha", model.id)
    assert await projection.models("alpha", ALL, PageRequest(10)) is None
    assert not await generations.sound()


async def test_a_document_that_is_lost_makes_the_list_unknown(world, generations, projection, store):
    model = world.register()
    await Rebuild(world.changes, generations)()
    team_keys = keys.team_keys((await generations.state()).current, "alpha")
    store.hdel(team_keys.documents, keys.model_field(model.id))
    assert await projection.models("alpha", ALL, PageRequest(10)) is None


@pytest.mark.parametrize("half", ["documents", "index"])
async def test_a_half_that_is_lost_makes_everything_unknown(world, generations, projection, store, half):
    model = world.register()
    world.add_version(model)
    await Rebuild(world.changes, generations)()
    team_keys = keys.team_keys((await generations.state()).current, "alpha")
    store.delete(getattr(team_keys, half))
    assert await projection.models("alpha", ALL, PageRequest(10)) is None
    assert await projection.versions("alpha", model.id, None, PageRequest(10)) is None


async def test_another_run_of_the_store_is_not_sound(world, generations, store):
    await Rebuild(world.changes, generations)()
    assert await generations.sound()
    store.hset(keys.POINTER, "run", "another")
    assert not await generations.sound()


async def test_scripts_that_the_store_forgot_are_sent_again(world, generations, projection, store):
    model = world.register()
    await Rebuild(world.changes, generations)()
    store.script_flush()
    world.add_version(model)
    await world.projector(generations)("alpha", model.id)
    assert await projection.revision("alpha", model.id) == 2


async def test_names_of_teams_do_not_reach_other_teams_keys(world, generations, projection):
    teams = ["alpha", "alpha}:x", "{alpha}", "a*", "ä"]
    for team in teams:
        world.register(team=team)
    await Rebuild(world.changes, generations)()
    for team in teams:
        assert len((await projection.models(team, ALL, PageRequest(10))).documents) == 1


async def test_a_store_that_is_away_is_asked_again_only_after_a_rest(clock):
    # Nothing listens on the discard port.
    link = RedisClient.open("redis://127.0.0.1:9", clock, store="the projection")
    projection = RedisProjection(link)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await projection.model("alpha", ModelRef(name="flights"))
    clock.advance(2)
    with pytest.raises(Unavailable):
        await projection.model("alpha", ModelRef(name="flights"))
    await link.close()
