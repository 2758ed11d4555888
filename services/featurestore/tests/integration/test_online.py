"""The online view: kept up, lost, found again; and as a value store of its own."""

import asyncio
from dataclasses import replace

import pytest
from fp_featurestore.adapters.online import keys
from fp_featurestore.app.ports import LogPart, ViewRef
from fp_featurestore.domain.rows import Row
from fp_kernel import Unavailable
from fp_testkit.examples import examples
from fp_testkit.patience import PATIENCE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOWHERE = "redis://127.0.0.1:1/0"


def newest(rows):
    by_entity = {}
    for row in sorted(rows, key=lambda row: (row.event_time, row.version, row.ordinal)):
        by_entity[row.entity_id] = row
    return {entity: (row.event_time, row.version, row.ordinal, row.packed) for entity, row in by_entity.items()}


async def held(desk, view, entity_ids):
    values = await desk.online_values(view, entity_ids)
    return {
        entity: (value.event_time, value.version, value.ordinal, value.packed)
        for entity, value in values.items()
        if value is not None
    }


async def test_a_write_is_read_from_redis_at_once(desk, defined):
    view = await desk.define(defined())
    await desk.write(view, ("a", {"temp": 1.0}, 10))
    read = await desk.do.get_online("alpha", ViewRef(id=view.id), ["a", "b"], [])
    assert ([one.values for one in read.found], read.missing) == ([{"temp": 1.0}], ["b"])
    assert (desk.copied, desk.reads) == (["followed", "followed"], ["online"])


async def test_writes_without_redis_succeed_and_are_replayed_when_it_is_back(
    desk, defined, new_desk, database_of_features
):
    view = await desk.define(defined())
    alone = await new_desk(database_of_features, NOWHERE)
    for at in range(6):
        await alone.write(view, ("a", {"temp": float(at)}, at), (f"b{at}", {"temp": float(at)}, at))
    read = await alone.do.get_online("alpha", ViewRef(id=view.id), ["a"], [])
    assert (read.found[0].values, alone.reads) == ({"temp": 5.0}, ["away"])
    assert set(alone.copied) == {"late"}
    assert (await desk.online_values(view, ["a"]))["a"] is None
    await desk.sync.sync_all()
    assert (await desk.online_values(view, ["a"]))["a"].event_time == 5
    assert desk.copied[-1] == "caught_up"
    (state,) = await desk.online.states([view])
    assert state.version == 7
    await alone.database.close()


async def test_a_flushed_store_answers_from_the_log_and_is_filled_again(desk, defined):
    view = await desk.define(defined())
    await desk.write(view, ("a", {"temp": 1.0}, 1), ("b", {"temp": 2.0}, 1))
    before = await held(desk, view, ["a", "b"])
    await desk.flush()
    await desk.write(view, ("c", {"temp": 3.0}, 1))
    read = await desk.do.get_online("alpha", ViewRef(id=view.id), ["a", "c"], [])
    assert [one.values["temp"] for one in read.found] == [1.0, 3.0]
    assert desk.reads == ["incomplete"]
    await desk.sync.sync_all()
    assert await held(desk, view, ["a", "b"]) == before
    assert desk.copied[-1] == "rebuilt"


async def test_a_store_that_is_ahead_of_the_log_is_filled_anew(desk, defined):
    view = await desk.define(defined())
    await desk.write(view, ("a", {"temp": 1.0}, 1))
    (state,) = await desk.online.states([view])
    foreign = LogPart(3, 9, [Row("a", 99, 99, 9, 1, 1, b"")])
    await desk.online.apply(view, state.copy, foreign)
    await desk.sync.sync_all()
    assert (await held(desk, view, ["a"]))["a"][0] == 1
    assert desk.copied[-1] == "rebuilt"


async def test_another_time_to_live_makes_a_new_copy(desk, defined):
    view = await desk.define(replace(defined(), online_ttl=1_000))
    await desk.write(view, ("a", {"temp": 1.0}, 1_700_000_000_000_000))
    assert await held(desk, view, ["a"]) == {}
    view = await desk.define(defined())
    await desk.sync.sync_all()
    assert (await held(desk, view, ["a"]))["a"][0] == 1_700_000_000_000_000


async def test_a_copy_that_is_being_filled_outlives_a_sweep_and_a_dead_one_does_not(desk, defined):
    view = await desk.define(defined())
    await desk.write(view, ("a", {"temp": 1.0}, 1))
    prefix, filling = keys.of_view(view), await desk.online.begin(view)
    part = LogPart(1, 2, [Row("a", 1, 1, 2, 1, 1, b"")])
    await desk.online.apply(view, filling, part)
    await desk.online.apply(view, "0-dead", part)
    await desk.online.sweep()
    found = await desk.keys()
    assert keys.entity(prefix, filling, "a") in found
    assert not [key for key in found if "0-dead" in key]
    assert len(found) == 6


async def test_a_rebuild_whose_copy_is_lost_does_not_switch_to_it(desk, defined):
    view = await desk.define(defined())
    await desk.write(view, ("a", {"temp": 1.0}, 1))
    steps = desk.rebuild.online(view)
    await anext(steps)
    await desk.flush()
    with pytest.raises(Exception, match="lost the copy"):
        async for _ in steps:
            continue
    assert await desk.online_values(view, ["a"]) is None


async def test_a_turn_looks_at_what_has_changed_and_not_at_every_view(desk, defined, monkeypatch):
    old, view = await desk.define(defined("old")), await desk.define(defined())
    await desk.database.execute("UPDATE feature_views SET recorded_at = 0 WHERE name = 'old'")
    await desk.sync.sync_changed()
    states, read = desk.online.states, []

    async def noted(heads):
        read.extend(head.id for head in heads)
        return await states(heads)

    monkeypatch.setattr(desk.online, "states", noted)
    await desk.sync.sync_changed()
    assert read == [view.id]
    await desk.flush()
    await desk.sync.sync_changed()
    assert read[1:] == [old.id, view.id]
    assert await held(desk, old, ["a"]) == {}


async def test_after_a_failure_a_turn_looks_at_every_view(desk, defined, monkeypatch):
    old = await desk.define(defined("old"))
    await desk.sync.sync_changed()
    await desk.write(old, ("a", {"temp": 1.0}, 1))
    await desk.database.execute("UPDATE feature_views SET recorded_at = 0 WHERE name = 'old'")

    async def away():
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(desk.online, "intact", away)
        with pytest.raises(Unavailable):
            await desk.sync.sync_changed()
    (state,) = await desk.online.states([old])
    await desk.online.apply(old, state.copy, LogPart(1, 1, []))
    prefix = keys.of_view(old)
    await desk.link.ask(("SET", keys.cursor(prefix, state.copy), "1"))
    await desk.sync.sync_changed()
    (state,) = await desk.online.states([old])
    assert state.version == 2


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5)), min_size=1, max_size=5)


async def test_any_order_of_any_parts_gives_the_newest_values(desk, defined):
    """Late writers, replays and rebuilds may come in any order and twice."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=examples(12), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(ROWS, min_size=1, max_size=5), st.data())
    def check(writes, data):
        events = [
            LogPart(
                version,
                version,
                [Row(entity, at, 0, version, ordinal, 1, b"%d" % at) for ordinal, (entity, at) in enumerate(rows, 1)],
            )
            for version, rows in enumerate(writes, 2)
        ]
        order = data.draw(st.permutations([*events, *events]))
        asyncio.run_coroutine_threadsafe(compare(events, order), loop).result(PATIENCE)

    async def compare(events, order):
        await desk.flush()
        await desk.online.open(view)
        for event in (*order, *events):
            await desk.online.apply(view, "", event)
        assert await held(desk, view, ["a", "b", "c"]) == newest([row for event in events for row in event.rows])
        (state,) = await desk.online.states([view])
        assert state.version == events[-1].last

    view = await desk.define(defined())
    await asyncio.to_thread(check)
