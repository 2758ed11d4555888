"""Both views made anew from the log."""

import pytest
from fp_featurestore.adapters.postgres.rows import to_change
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.app.rebuild import Target
from fp_featurestore.domain.log import FeaturesWritten, replay
from fp_kernel import FailedPrecondition

IDS = ["a", "b", "c", "d"]


async def filled(desk, defined):
    view = await desk.define(defined(temp="DOUBLE", carrier="STRING"))
    await desk.write(view, ("a", {"temp": 1.0, "carrier": "UA"}, 10), ("b", {"temp": 2.0}, 10, 10))
    await desk.write(view, ("a", {"temp": 3.0}, 5), ("c", {"carrier": "ü"}, 7))
    view = await desk.define(defined(temp="DOUBLE", hour="INT64"))
    await desk.write(view, ("b", {"temp": 4.0, "hour": 3.0}, 10), ("b", {"temp": 5.0}, 10))
    # A store that was slow for a moment has not followed.
    await desk.sync.sync_all()
    return await desk.view(view)


async def everything(desk, view):
    return await desk.view(view), await desk.offline_rows(view), await desk.online_values(view, IDS)


async def test_a_rebuild_makes_the_same_views(desk, defined):
    view = await filled(desk, defined)
    before = await everything(desk, view)
    steps = await desk.rebuilt(view)
    assert await everything(desk, view) == before
    assert (steps[-1].done, steps[-1].replayed, steps[-1].total) == (True, 2 * view.version, 2 * view.version)
    assert len(before[1]) == 6


async def test_a_rebuild_mends_what_is_wrong(desk, defined):
    view = await filled(desk, defined)
    before = await everything(desk, view)
    await desk.database.execute("DELETE FROM feature_values WHERE entity_id = 'a'")
    await desk.database.execute("UPDATE feature_views SET description = 'wrong', schemas = '[[]]', version = 77")
    for key in await desk.keys():
        if key.endswith((":b", ":c")):
            await desk.link.ask(("DEL", key))
    await desk.rebuilt(view)
    assert await everything(desk, view) == before


async def test_the_state_is_what_the_log_replays_to(desk, defined):
    view = await filled(desk, defined)
    rows = await desk.database.fetch(
        "SELECT *, definition::text AS definition FROM feature_log WHERE view_id = $1 ORDER BY version", view.id
    )
    events = [
        FeaturesWritten(str(row["view_id"]), row["version"], row["team"], row["recorded_at"], row["recorded_by"], 1)
        if row["type"] == "FEATURES_WRITTEN"
        else to_change({**dict(row), "definition": row["definition"]})
        for row in rows
    ]
    assert [event.version for event in events] == list(range(1, view.version + 1))
    assert replay(events) == view


async def test_a_rebuild_leaves_no_other_copy(desk, defined):
    view = await filled(desk, defined)
    await desk.sync.sync_all()
    rows, keys = len(await desk.offline_rows(view)), len(await desk.keys())
    await desk.rebuilt(view)
    assert await desk.database.fetchval("SELECT count(*) FROM feature_values") == rows
    assert await desk.database.fetchval("SELECT count(*) FROM offline_copies") == 1
    assert len(await desk.keys()) == keys


async def test_writes_and_reads_go_on_during_a_rebuild(desk, defined):
    view = await filled(desk, defined)
    expected = {}
    async for step in desk.do.rebuild("alpha", view.id, Target(online=True, offline=True)):
        if not step.done:
            at = 100 + len(expected)
            await desk.write(view, ("a", {"temp": float(at)}, at))
            expected[at] = float(at)
            read = await desk.do.get_online("alpha", ViewRef(id=view.id), ["a", "b"], ["temp"])
            assert [one.values["temp"] for one in read.found] == [float(at), 5.0]
    assert len(expected) > 2
    rows = [row for row in await desk.offline_rows(view) if row[1] >= 100]
    assert [row[1] for row in rows] == sorted(expected)
    assert (await desk.online_values(view, ["a"]))["a"].event_time == max(expected)


async def test_one_rebuild_of_a_view_at_a_time(desk, defined):
    view = await filled(desk, defined)
    async with desk.claims(view.id) as mine:
        assert mine
        with pytest.raises(FailedPrecondition, match="at work"):
            await desk.rebuilt(view)
    await desk.rebuilt(view)


async def test_the_log_cannot_be_changed(desk, defined):
    await filled(desk, defined)
    for statement in ("UPDATE feature_log SET version = 9", "DELETE FROM feature_log", "TRUNCATE feature_log"):
        with pytest.raises(Exception, match="append-only"):
            await desk.database.execute(statement)


async def test_a_copy_that_nobody_reads_is_deleted_in_bites(desk, defined, monkeypatch):
    monkeypatch.setattr("fp_featurestore.adapters.postgres.copies._SWEEP", 2)
    view = await filled(desk, defined)
    await desk.copies.begin(view.id)
    unread = await desk.database.fetchval("SELECT max(copy) FROM offline_copies")
    await desk.copies.fill(unread, view.id, 1, view.version)
    before = await desk.offline_rows(view)
    assert await desk.copies.stale(0, 1) == ([], unread - 1), "the first one is read"
    assert await desk.copies.stale(unread - 1, 1) == ([view.id], unread)
    await desk.copies.sweep(view.id)
    assert await desk.offline_rows(view) == before
    assert await desk.database.fetchval("SELECT count(*) FROM feature_values") == len(before)
    assert await desk.copies.stale(0, 10) == ([], unread - 1)
    assert await desk.copies.stale(unread - 1, 10) == ([], None)
