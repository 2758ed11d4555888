"""How the projection keeps up: events, notes and rebuilds."""

from dataclasses import replace

import pytest
from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_kernel import PageRequest, Unavailable
from fp_registry.adapters.events import to_event
from fp_registry.api.consumers import follow_models
from fp_registry.app.maintain_projection import MaintainProjection
from fp_registry.app.project import FollowModels
from fp_registry.app.read_ports import ModelFilter, ModelRef, VersionRef
from fp_registry.app.rebuild import Rebuild
from fp_registry.domain.events import ModelArchived, ModelRegistered, ModelRestored, VersionCreated
from registry_projection import MemoryGenerations, MemoryProjection


class Follower:
    def __init__(self, world):
        self.world = world
        self.generations = MemoryGenerations()
        self.projection = MemoryProjection(self.generations, world.documents)
        projector = world.projector(self.generations)
        self.follow = follow_models(FollowModels(projector, world.changes))
        rebuild = Rebuild(world.changes, self.generations)
        self.maintain = MaintainProjection(self.generations, world.changes, projector, rebuild)


class Followed:
    """What a handler hands on."""

    def __init__(self):
        self.models = []

    async def __call__(self, models):
        self.models += models


@pytest.fixture
def follower(world):
    return Follower(world)


async def test_an_event_brings_its_model_to_the_projection(follower, world):
    await follower.maintain.once()
    model = world.register()
    version = world.add_version(model)
    await follower.follow([to_event(VersionCreated(world.state.models[model.id], version))])
    assert await follower.projection.version("alpha", VersionRef(id=version.id)) is not None


async def test_every_change_of_a_model_brings_it_to_the_projection(follower, world):
    await follower.maintain.once()
    model = world.register()
    version = world.add_version(model)
    later = replace(model, archived_at=model.created_at)
    changes = [
        ModelRegistered(model),
        VersionCreated(model, version),
        ModelArchived(later, by="ann", at=model.created_at),
        ModelRestored(model, by="ann", at=model.created_at),
    ]
    for change in changes:
        follow = Followed()
        await follow_models(follow)([to_event(change)])
        assert follow.models == [("alpha", model.id)], change


async def test_events_of_others_change_nothing(follower, world):
    await follower.maintain.once()
    model = world.register()
    drift = Event(
        "fp.models.drift.detected", events_pb2.ModelDriftDetected(), team="alpha", resource_id=model.id, summary="-"
    )
    await follower.follow([drift])
    assert await follower.projection.model("alpha", ModelRef(id=model.id)) is None


async def test_while_the_projection_is_away_models_are_noted_and_events_taken(follower, world):
    await follower.maintain.once()
    models = [world.register(f"m{n}") for n in range(3)]
    follower.generations.away = True
    events = [to_event(ModelRegistered(model)) for model in models]
    await follower.follow([*events, *events])
    assert len(world.state.unprojected) == 3
    with pytest.raises(Unavailable):
        await follower.maintain.once()
    follower.generations.away = False
    await follower.maintain.once()
    assert world.state.unprojected == {}
    found = await follower.projection.models("alpha", ModelFilter(), PageRequest(10))
    assert len(found.documents) == 3


async def test_a_change_without_an_event_is_projected_by_its_note(follower, world):
    model = world.register()
    await follower.maintain.once()
    changed = world.retag(model, tier="2")
    world.state.unprojected[model.id] = changed.revision
    await follower.maintain.once()
    assert await follower.projection.revision("alpha", model.id) == changed.revision
    assert world.state.unprojected == {}


async def test_a_note_that_is_newer_than_what_was_read_stays(follower, world):
    model = world.register()
    world.state.unprojected[model.id] = 5
    await world.changes.projected(model.id, 4)
    assert world.state.unprojected == {model.id: 5}


async def test_a_lost_projection_is_rebuilt_by_itself(follower, world):
    world.register()
    await follower.maintain.once()
    follower.generations.current = ""
    await follower.maintain.once()
    assert len((await follower.projection.models("alpha", ModelFilter(), PageRequest(10))).documents) == 1


async def test_a_store_that_restarted_is_rebuilt(follower, world):
    model = world.register()
    await follower.maintain.once()
    world.retag(model, tier="lost")
    follower.generations.restarted = True
    await follower.maintain.once()
    assert await follower.projection.revision("alpha", model.id) == 2


async def test_a_rebuild_of_another_replica_is_left_alone(follower):
    claim = await follower.generations.begin()
    await follower.maintain.once()
    assert (await follower.generations.state()).building == claim
