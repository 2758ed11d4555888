"""The commands."""

import asyncio
from datetime import timedelta

import pytest
import registry_commands
from fp_kernel import (
    AlreadyExists,
    Command,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PageRequest,
    Principal,
    Replayed,
    new_id,
)
from fp_registry.api.read_model import read_model
from fp_registry.app.measure_upload import SizeLimits
from fp_registry.app.read_ports import ModelRef
from fp_registry.domain.model import ModelUpdate, NewModel
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import Described, NewVersion

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
BOB = Principal("bob", "beta", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
# forgepoint.common.v1.Signature with one input of one name; BaselineProfile with a sample count.
DESCRIBED = Described(signature=b"\x0a\x03\x0a\x01x", baseline=b"\x20\x07")


def keyed(key, fingerprint=b"body"):
    return Command("alpha", "/Rpc", key, fingerprint, lambda result: result.model.id.encode())


class Actor:
    """Commands with the arguments that a test does not care about."""

    def __init__(self, side, artifacts, clock):
        self.side, self.artifacts, self.clock = side, artifacts, clock
        self.do = registry_commands.build(
            side.transactions,
            side.records,
            artifacts,
            side.contents,
            clock=clock,
            limits=SizeLimits(),
            wake=asyncio.Event(),
        )

    async def register(self, name="flights", caller=ANN, command=NO_KEY, **more):
        return (await self.do.register_model(NewModel(name=name, **more), caller, command)).model

    async def create(self, model, name="", caller=ANN, command=NO_KEY):
        new = NewVersion(name=name, run_id="run-1", described=DESCRIBED)
        return (await self.do.create_version(model.id, new, caller, command)).version

    async def ready(self, model):
        version = await self.create(model)
        self.artifacts.objects[version.artifact_path] = version.id.encode()
        return (await self.do.confirm_upload(version.id, "", ANN, NO_KEY)).version

    async def promote(self, version, target=Stage.PRODUCTION, caller=ANN, command=NO_KEY):
        return await self.do.promote_version(version.id, target, caller, command)

    async def model(self, model):
        return read_model(await self.side.source.model("alpha", ModelRef(id=model.id)))

    async def subjects(self):
        return [event.type.removeprefix("fp.models.") for event in await self.side.emitted()]


@pytest.fixture
def actor(side, artifacts, clock):
    return Actor(side, artifacts, clock)


async def test_a_registered_model_is_told_and_found(actor):
    model = await actor.register(framework="onnx", task_type="classification", tags={"tier": "1"})
    found = await actor.model(model)
    assert (found.name, found.team, found.owner_id, found.tags["tier"]) == ("flights", "alpha", "ann", "1")
    (event,) = await actor.side.emitted()
    assert (event.type, event.team, event.resource_id, event.sequence) == (
        "fp.models.registered",
        "alpha",
        model.id,
        1,
    )
    assert event.payload.model_name == "flights"


async def test_a_name_is_taken_once_in_a_team_and_free_in_another(actor):
    await actor.register()
    with pytest.raises(AlreadyExists):
        await actor.register()
    await actor.register(caller=BOB)
    assert await actor.subjects() == ["registered", "registered"]


async def test_a_name_stays_reserved_after_archive(actor):
    model = await actor.register()
    await actor.do.archive_model(model.id, force=False, caller=ANN, command=NO_KEY)
    with pytest.raises(AlreadyExists):
        await actor.register()


async def test_archiving_twice_is_told_once(actor):
    model = await actor.register()
    await actor.do.archive_model(model.id, force=False, caller=ANN, command=NO_KEY)
    await actor.do.archive_model(model.id, force=False, caller=ANN, command=NO_KEY)
    assert await actor.subjects() == ["registered", "archived"]
    assert (await actor.model(model)).HasField("archived_at")


async def test_an_update_reaches_the_projection_without_an_event(actor):
    model = await actor.register()
    await actor.do.update_model(model.id, ModelUpdate(description="late?", tags={"tier": "2"}), ANN, NO_KEY)
    found = await actor.model(model)
    assert (found.description, found.tags["tier"]) == ("late?", "2")
    assert await actor.side.changes.unprojected(10) == [("alpha", model.id, 2)]
    assert await actor.subjects() == ["registered"]


async def test_versions_created_at_the_same_time_get_different_numbers(actor):
    model = await actor.register()
    versions = await asyncio.gather(*(actor.create(model) for _ in range(8)))
    assert sorted(int(version.name) for version in versions) == list(range(1, 9))
    assert sorted(version.ordinal for version in versions) == list(range(1, 9))
    found = await actor.model(model)
    assert found.latest_version == next(version.name for version in versions if version.ordinal == 8)
    assert [event.sequence for event in await actor.side.emitted()] == list(range(1, 10))


async def test_a_version_name_is_taken_once_in_its_model(actor):
    model, other = await actor.register(), await actor.register("other")
    await actor.create(model, "1.0")
    with pytest.raises(AlreadyExists):
        await actor.create(model, "1.0")
    await actor.create(other, "1.0")


async def test_promotion_swaps_production_in_one_step(actor):
    model = await actor.register()
    one, two = await actor.ready(model), await actor.ready(model)
    await actor.promote(one)
    promoted = await actor.promote(two)
    assert (promoted.demoted.id, promoted.demoted.stage) == (one.id, Stage.ARCHIVED)
    assert (await actor.model(model)).production_version == "2"
    assert (await actor.side.records.version("alpha", one.id)).stage is Stage.ARCHIVED
    event = (await actor.side.emitted())[-1]
    assert event.type == "fp.models.promoted"
    assert (event.payload.version, event.payload.demoted_version) == ("2", "1")
    assert event.payload.signature.inputs[0].name == "x"
    assert event.payload.baseline_profile.sample_count == 7
    assert event.payload.run_id == "run-1"


async def test_promotions_at_the_same_time_leave_one_in_production(actor):
    model = await actor.register()
    versions = [await actor.ready(model) for _ in range(4)]
    await asyncio.gather(*(actor.promote(version) for version in versions))
    stages = [(await actor.side.records.version("alpha", version.id)).stage for version in versions]
    assert sorted(stages) == [Stage.ARCHIVED] * 3 + [Stage.PRODUCTION]
    tenures, _ = await actor.side.records.tenures("alpha", model.id, PageRequest(10))
    assert len(tenures) == 4
    assert [tenure.ended_at is None for tenure in tenures] == [True, False, False, False]


async def test_promoting_to_the_same_stage_changes_and_tells_nothing(actor):
    model = await actor.register()
    version = await actor.ready(model)
    await actor.promote(version)
    before = await actor.subjects()
    again = await actor.promote(version)
    assert (again.version.stage, again.demoted) == (Stage.PRODUCTION, None)
    assert await actor.subjects() == before


async def test_a_version_that_is_not_ready_is_not_promoted(actor):
    model = await actor.register()
    version = await actor.create(model)
    with pytest.raises(FailedPrecondition):
        await actor.promote(version)
    assert (await actor.side.records.version("alpha", version.id)).stage is Stage.DEV


async def test_a_rollback_brings_the_last_production_version_back(actor):
    model = await actor.register()
    one, two = await actor.ready(model), await actor.ready(model)
    await actor.promote(one)
    await actor.promote(two)
    back = await actor.do.rollback_model(model.id, ANN, NO_KEY)
    assert (back.version.id, back.demoted.id) == (one.id, two.id)
    assert (await actor.model(model)).production_version == "1"
    again = await actor.do.rollback_model(model.id, ANN, NO_KEY)
    assert (again.version.id, again.demoted.id) == (two.id, one.id)


async def test_a_first_production_version_cannot_be_rolled_back(actor):
    model = await actor.register()
    await actor.promote(await actor.ready(model))
    with pytest.raises(FailedPrecondition):
        await actor.do.rollback_model(model.id, ANN, NO_KEY)


async def test_a_version_that_was_archived_out_of_production_can_come_back(actor):
    model = await actor.register()
    version = await actor.ready(model)
    await actor.promote(version)
    await actor.promote(version, Stage.ARCHIVED)
    back = await actor.do.rollback_model(model.id, ANN, NO_KEY)
    assert (back.version.id, back.demoted) == (version.id, None)


async def test_history_says_who_was_in_production_at_any_time(actor):
    model = await actor.register()
    one, two = await actor.ready(model), await actor.ready(model)
    moments = [actor.clock.now()]
    for version in (one, two):
        actor.clock.advance(3_600)
        await actor.promote(version)
        moments.append(actor.clock.now())
    actor.clock.advance(3_600)
    await actor.promote(two, Stage.ARCHIVED)
    moments.append(actor.clock.now())
    held = [await actor.side.records.tenure_at("alpha", model.id, moment) for moment in moments]
    assert [[tenure.version for tenure in tenures] for tenures in held] == [[], ["1"], ["2"], []]
    tenures, more = await actor.side.records.tenures("alpha", model.id, PageRequest(1))
    assert ([tenure.version for tenure in tenures], more) == (["2"], "2")
    tenures, more = await actor.side.records.tenures("alpha", model.id, PageRequest(1, (more,)))
    assert ([tenure.version for tenure in tenures], more) == (["1"], "")


async def test_a_clock_that_goes_back_bends_no_history(actor):
    model = await actor.register()
    one, two = await actor.ready(model), await actor.ready(model)
    await actor.promote(one)
    actor.clock.set_wall(actor.clock.now() - timedelta(hours=1))
    await actor.promote(two)
    tenures, _ = await actor.side.records.tenures("alpha", model.id, PageRequest(10))
    assert all(tenure.ended_at is None or tenure.ended_at >= tenure.started_at for tenure in tenures)
    assert tenures[0].started_at >= tenures[1].ended_at


async def test_another_team_finds_nothing_to_change(actor):
    model = await actor.register()
    version = await actor.ready(model)
    doings = [
        actor.create(model, caller=BOB),
        actor.promote(version, caller=BOB),
        actor.do.rollback_model(model.id, BOB, NO_KEY),
        actor.do.update_model(model.id, ModelUpdate(description="x"), BOB, NO_KEY),
        actor.do.archive_model(model.id, force=False, caller=BOB, command=NO_KEY),
        actor.do.confirm_upload(version.id, "", BOB, NO_KEY),
    ]
    for doing in doings:
        with pytest.raises(NotFound):
            await doing


async def test_what_is_not_there_is_not_found(actor):
    with pytest.raises(NotFound):
        await actor.do.promote_version(new_id(), Stage.STAGING, ANN, NO_KEY)
    with pytest.raises(NotFound):
        await actor.do.create_version(new_id(), NewVersion(), ANN, NO_KEY)


async def test_a_command_that_is_repeated_happens_once(actor):
    model = await actor.register(command=keyed("k1"))
    with pytest.raises(Replayed) as replayed:
        await actor.register(command=keyed("k1"))
    assert replayed.value.response == model.id.encode()
    await actor.create(model, command=keyed("k2"))
    with pytest.raises(Replayed):
        await actor.create(model, command=keyed("k2"))
    with pytest.raises(InvalidArgument):
        await actor.create(model, command=keyed("k2", b"another body"))
    assert await actor.subjects() == ["registered", "version.created"]


async def test_a_command_that_failed_may_be_repeated_with_its_key(actor):
    model = await actor.register()
    version = await actor.create(model)
    with pytest.raises(FailedPrecondition):
        await actor.promote(version, command=keyed("k"))
    actor.artifacts.objects[version.artifact_path] = b"model"
    await actor.do.confirm_upload(version.id, "", ANN, NO_KEY)
    assert (await actor.promote(version, command=keyed("k"))).version.status is Status.READY
