"""What the projection promises."""

import pytest
from fp_kernel import Aborted, FailedPrecondition, PageRequest
from fp_registry.app.projection_ports import Applied
from fp_registry.app.read_ports import ModelFilter, ModelRef, VersionRef
from fp_registry.app.rebuild import Rebuild
from fp_registry.domain.stages import Stage

ALL = ModelFilter(archived=True)
FIRST = PageRequest(100)


@pytest.fixture
def generations(read_store):
    return read_store[0]


@pytest.fixture
def projection(read_store):
    return read_store[1]


@pytest.fixture
def rebuild(world, generations):
    return Rebuild(world.changes, generations)


async def test_before_the_first_rebuild_it_knows_nothing(world, projection, generations):
    model = world.register()
    await world.projector(generations)("alpha", model.id)
    assert await projection.model("alpha", ModelRef(id=model.id)) is None
    assert await projection.models("alpha", ALL, FIRST) is None
    assert await projection.revision("alpha", model.id) == 0


async def test_after_a_rebuild_it_answers_what_the_source_answers(world, projection, rebuild):
    model = world.register()
    version = world.promote(world.ready(model))
    assert await rebuild() == 1
    source = world.source
    for ref in (ModelRef(id=model.id), ModelRef(name="flights")):
        assert await projection.model("alpha", ref) == await source.model("alpha", ref)
    refs = [
        VersionRef(id=version.id),
        VersionRef(model_id=model.id, name="1"),
        VersionRef(model_id=model.id, stage=Stage.PRODUCTION),
    ]
    for ref in refs:
        assert await projection.version("alpha", ref) == await source.version("alpha", ref) is not None
    assert await projection.revision("alpha", model.id) == world.state.models[model.id].revision


async def test_of_a_team_without_models_it_knows_nothing(projection, rebuild):
    assert await rebuild() == 0
    assert await projection.models("alpha", ALL, FIRST) is None


async def test_another_team_sees_nothing(world, projection, rebuild):
    model = world.register()
    version = world.ready(model)
    await rebuild()
    assert await projection.model("beta", ModelRef(id=model.id)) is None
    assert await projection.model("beta", ModelRef(name="flights")) is None
    assert await projection.version("beta", VersionRef(id=version.id)) is None
    assert await projection.versions("beta", model.id, None, FIRST) is None
    assert await projection.models("beta", ALL, FIRST) is None


async def test_a_change_is_projected_by_itself(world, projection, generations, rebuild):
    await rebuild()
    model = world.register()
    project = world.projector(generations)
    await project("alpha", model.id)
    version = world.ready(model)
    await project("alpha", model.id)
    document = await projection.version("alpha", VersionRef(id=version.id))
    assert document == await world.source.version("alpha", VersionRef(id=version.id))


async def test_pages_of_every_list_equal_those_of_the_source(world, projection, rebuild, all_pages):
    models = [
        world.register(f"m{n}", framework=("onnx", "xgb")[n % 2], task_type="abc"[n % 3], tier=str(n % 2))
        for n in range(20)
    ]
    world.archive(models[4])
    for _ in range(8):
        world.ready(models[0])
    world.promote(world.state.versions_of(models[0].id)[0])
    await rebuild()
    filters = [
        ALL,
        ModelFilter(),
        ModelFilter(framework="onnx"),
        ModelFilter(task_type="b", archived=True),
        ModelFilter(framework="xgb", task_type="a"),
        ModelFilter(tag=("tier", "1")),
        ModelFilter(framework="none"),
    ]
    for wanted in filters:
        expected = await all_pages(lambda page, wanted=wanted: world.source.models("alpha", wanted, page))
        assert await all_pages(lambda page, wanted=wanted: projection.models("alpha", wanted, page)) == expected
    for stage in (None, *Stage):
        expected = await all_pages(lambda page, s=stage: world.source.versions("alpha", models[0].id, s, page))
        found = await all_pages(lambda page, s=stage: projection.versions("alpha", models[0].id, s, page))
        assert found == expected


async def test_a_model_that_is_archived_or_retagged_changes_its_lists(world, projection, generations, rebuild):
    model = world.register(tier="1")
    await rebuild()
    world.retag(model, tier="2")
    project = world.projector(generations)
    await project("alpha", model.id)
    assert (await projection.models("alpha", ModelFilter(tag=("tier", "1")), FIRST)).documents == ()
    assert len((await projection.models("alpha", ModelFilter(tag=("tier", "2")), FIRST)).documents) == 1
    world.archive(model)
    await project("alpha", model.id)
    assert (await projection.models("alpha", ModelFilter(), FIRST)).documents == ()
    assert len((await projection.models("alpha", ALL, FIRST)).documents) == 1


async def test_an_older_snapshot_is_not_applied_over_a_newer_one(world, generations, rebuild):
    model = world.register()
    await rebuild()
    current = (await generations.state()).current
    old = await world.changes.after("alpha", model.id, 0)
    world.add_version(model)
    new = await world.changes.after("alpha", model.id, 1)
    assert await generations.apply(current, 1, [new]) == [Applied.APPLIED]
    assert await generations.apply(current, 0, [old]) == [Applied.CURRENT]


async def test_a_snapshot_that_builds_on_what_is_not_there_is_refused(world, generations, rebuild):
    model = world.register()
    await rebuild()
    current = (await generations.state()).current
    world.add_version(model)
    world.add_version(model)
    latest_only = await world.changes.after("alpha", model.id, 2)
    assert await generations.apply(current, 2, [latest_only]) == [Applied.BEHIND]


async def test_changes_during_a_rebuild_are_in_the_new_generation(world, generations, projection):
    model = world.register()
    generation = await generations.begin()
    batches = [batch async for batch in world.changes.everything()]
    later = world.register("later")
    version = world.ready(model)
    project = world.projector(generations)
    await project("alpha", later.id)
    await project("alpha", model.id)
    for batch in batches:
        await generations.apply(generation, 0, batch)
    await generations.switch(generation)
    assert await projection.version("alpha", VersionRef(id=version.id)) is not None
    found = await projection.models("alpha", ALL, FIRST)
    assert found.documents == (await world.source.models("alpha", ALL, FIRST)).documents


async def test_reads_see_the_old_generation_until_the_switch(world, generations, projection, rebuild):
    model = world.register()
    await rebuild()
    generation = await generations.begin()
    assert await projection.model("alpha", ModelRef(id=model.id)) is not None
    await generations.abandon(generation)
    assert (await generations.state()).building == ""
    assert await projection.model("alpha", ModelRef(id=model.id)) is not None


async def test_only_one_rebuild_works_at_a_time(generations, rebuild):
    generation = await generations.begin()
    with pytest.raises(FailedPrecondition):
        await rebuild()
    await generations.switch(generation)
    assert await rebuild() == 0


async def test_a_rebuild_that_lost_its_claim_does_not_switch(generations, rebuild):
    await rebuild()
    before = await generations.state()
    stale = await generations.begin()
    await generations.abandon(stale)
    with pytest.raises(Aborted):
        await generations.switch(stale)
    with pytest.raises(Aborted):
        await generations.extend(stale)
    assert await generations.state() == before


async def test_the_new_generation_is_sound(generations, rebuild):
    await rebuild()
    assert await generations.sound()


async def test_models_are_counted_as_they_are_listed(world, projection, rebuild):
    models = [world.register(f"m{n}", framework=("onnx", "xgb")[n % 2], tier=str(n % 3)) for n in range(10)]
    world.archive(models[4])
    await rebuild()
    expected = {
        ALL: 10,
        ModelFilter(): 9,
        ModelFilter(framework="onnx"): 4,
        ModelFilter(framework="xgb", archived=True): 5,
        ModelFilter(tag=("tier", "1")): 2,
        ModelFilter(framework="none"): 0,
    }
    for wanted, number in expected.items():
        assert await projection.count("alpha", wanted) == await world.source.count("alpha", wanted) == number
    assert await projection.count("beta", ALL) is None
