"""History goes when it is past its view's retention, and no read that is still answered notices it."""

import asyncio
from dataclasses import replace

import pytest
from fp_featurestore.adapters.postgres.history import PostgresHistory
from fp_featurestore.app.get_historical import PointInTime
from fp_featurestore.app.ports import AsOfQuery, Spine, ViewRef
from fp_featurestore.app.training_set import Pairs, Wanted, WantedView, Window
from fp_featurestore.app.trim_history import TrimHistory
from fp_featurestore.domain.instants import EVER, moment
from fp_kernel import Command, OutOfRange, Principal
from fp_testkit.clock import ManualClock
from fp_testkit.examples import examples
from fp_testkit.patience import PATIENCE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
DAY = 86_400 * 1_000_000
ENTITIES = ("a", "b", "é")
TIMES = st.integers(0, 9)
ROW = st.tuples(st.sampled_from(ENTITIES), TIMES, TIMES)
WRITES = st.lists(st.lists(ROW, min_size=1, max_size=6), min_size=1, max_size=6)


class Trimmer:
    """Trims by a clock that stands where a test says."""

    def __init__(self, desk):
        self.desk, self.clock = desk, ManualClock()
        self.trim = TrimHistory(PostgresHistory(desk.database), desk.claims, self.clock)

    async def until(self, horizon):
        """Two runs: the first one refuses reads before the horizon, the second one removes what only they would see."""
        self.clock.set_wall(moment(horizon + DAY))
        await self.trim()
        await self.trim()


@pytest.fixture
def trimmer(desk):
    return Trimmer(desk)


@pytest.fixture
def retained_a_day(defined):
    return lambda name="weather": replace(defined(name), retention=DAY)


async def logged(desk, view):
    return await desk.database.fetch(
        "SELECT version, type, entity_ids FROM feature_log WHERE view_id = $1 ORDER BY version", view.id
    )


async def recorded(desk, view, versions):
    """As if the versions up to this one had been recorded in 1970, when the times of these tests are."""
    async with desk.database.transaction() as tx:
        await tx.execute("ALTER TABLE feature_log DISABLE TRIGGER USER")
        await tx.execute(
            "UPDATE feature_log SET recorded_at = 0 WHERE view_id = $1 AND version <= $2", view.id, versions
        )
        await tx.execute("ALTER TABLE feature_log ENABLE TRIGGER USER")


async def answers(desk, view, horizon, version):
    """Everything that may be asked behind the horizon."""
    asks = [
        AsOfQuery(entity, as_of, known, not_before)
        for entity in ENTITIES
        for as_of in (*range(horizon, 11), EVER)
        for known in (*range(horizon, 11), EVER)
        for not_before in (0, horizon, 8)
    ]
    rows = [await desk.offline.as_of(view.id, asks, through) for through in (version, EVER)]
    windows = [
        await desk.offline.window(
            view.id, Spine(start - 1, "\U0010ffff"), 20, known_as_of=known, through=EVER, limit=1_000
        )
        for start in range(horizon, 11)
        for known in (horizon, 8, EVER)
    ]
    # Places of one write move up when the log is trimmed, and keep their order.
    return [{place: replace(row, ordinal=0) for place, row in found.items()} for found in rows], windows


async def online(desk, view):
    found = await desk.online_values(view, ENTITIES)
    return {entity: one and (one.event_time, one.version, one.packed) for entity, one in found.items()}


async def test_reads_within_retention_are_equal_before_and_after_and_a_rebuild_gives_the_same(
    desk, trimmer, retained_a_day
):
    loop, names = asyncio.get_running_loop(), iter(range(10_000))

    @settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
    @given(WRITES, WRITES, st.integers(1, 9))
    def check(early, late, horizon):
        run = lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE)  # noqa: E731
        run(compare(early, late, horizon))

    async def compare(early, late, horizon):
        view, number = await desk.define(retained_a_day(f"view{next(names)}")), 0.0
        for write in (*early, *late):
            rows = []
            for entity, event, known in write:
                number += 1
                rows.append((entity, {"temp": number}, event, known))
            written = (await desk.write(view, *rows)).version
        await recorded(desk, view, 1 + len(early))
        await desk.sync.sync_all()
        before = await answers(desk, view, horizon, 1 + len(early)), await online(desk, view)
        await trimmer.until(horizon)
        assert (await answers(desk, view, horizon, 1 + len(early)), await online(desk, view)) == before
        await desk.rebuilt(await desk.view(view))
        assert (await answers(desk, view, horizon, 1 + len(early)), await online(desk, view)) == before
        assert (await desk.view(view)).version == written
        # The next write goes on from there.
        assert (await desk.write(view, ("a", {"temp": 0.0}, 9))).version == written + 1

    await asyncio.to_thread(check)


async def test_what_is_past_retention_is_gone_from_view_and_log(desk, trimmer, retained_a_day):
    view = await desk.define(retained_a_day())
    for at in range(1, 8):
        await desk.write(view, ("a", {"temp": float(at)}, at, at), ("b" if at == 3 else "a", {"temp": 0.5}, at, at))
    await recorded(desk, view, 8)
    await trimmer.until(6)
    rows = [(row[0], row[1], row[4]) for row in await desk.offline_rows(view)]
    assert rows == [("a", 5, 2), ("a", 6, 1), ("a", 6, 2), ("a", 7, 1), ("a", 7, 2), ("b", 3, 2)]
    log = [(row["version"], row["entity_ids"]) for row in await logged(desk, view)]
    assert log == [(1, None), (4, ["b"]), (6, ["a", "a"]), (7, ["a", "a"]), (8, ["a", "a"])]
    # Nothing is left to do, and nothing more goes.
    await trimmer.until(6)
    assert len(await logged(desk, view)) == 5


async def test_a_view_without_retention_keeps_everything(desk, trimmer, defined):
    view = await desk.define(defined())
    for at in range(1, 5):
        await desk.write(view, ("a", {"temp": 1.0}, at, at))
    await trimmer.until(4)
    assert (len(await desk.offline_rows(view)), len(await logged(desk, view))) == (4, 5)


async def test_what_a_later_write_says_of_old_times_keeps_what_an_earlier_version_shows(desk, trimmer, retained_a_day):
    view = await desk.define(retained_a_day())
    await desk.write(view, ("a", {"temp": 1.0}, 1, 1))
    await recorded(desk, view, 2)
    # A backfill of today: readers of version 2 do not see it.
    await desk.write(view, ("a", {"temp": 2.0}, 2, 2))
    await trimmer.until(6)
    found = await desk.offline.as_of(view.id, [AsOfQuery("a", EVER, EVER)], 2)
    assert found[0].event_time == 1


async def test_reads_before_the_horizon_are_refused_and_say_from_when_on_history_is_there(
    desk, trimmer, retained_a_day
):
    view = await desk.define(retained_a_day())
    await desk.write(view, ("a", {"temp": 1.0}, 1, 1), ("a", {"temp": 2.0}, 8, 8))
    await recorded(desk, view, 2)
    trimmer.clock.set_wall(moment(6 + DAY))
    # Refused from the first run on, which removes nothing yet.
    await trimmer.trim()
    assert len(await desk.offline_rows(view)) == 2
    ref = ViewRef(id=view.id)

    async def historical(as_of, known):
        return await desk.do.get_historical("alpha", ref, ["a"], [], PointInTime(as_of, known))

    async def training(rows, *, as_of=None, through=0):
        wanted = Wanted([WantedView(ref, [], as_of, through=through)], rows, 9)
        return [part async for part in desk.do.get_training_set("alpha", wanted)]

    for refused in (
        historical(5, 9),
        historical(9, 5),
        training(Pairs(["a", "a"], [9, 5])),
        training(Pairs(["a"], [9]), as_of=5),
        training(Pairs(["a"], [9]), through=1),
        training(Window(ref, 5, 9)),
    ):
        with pytest.raises(OutOfRange) as error:
            await refused
        assert error.value.reason == "BEFORE_RETENTION"
        assert error.value.metadata["retained_from"] == "1970-01-01T00:00:00.000006Z"
    assert len((await historical(6, 9)).found) == 1
    await training(Pairs(["a"], [6]))
    await training(Window(ref, 6, 9))


async def test_the_writes_of_a_deleted_view_go_and_its_definition_stays(desk, trimmer, retained_a_day):
    view = await desk.define(retained_a_day())
    await desk.write(view, ("a", {"temp": 1.0}, 1))
    await desk.do.delete_view(view.id, ANN, NO_KEY)
    await trimmer.trim()
    assert len(await logged(desk, view)) == 3
    deleted = await desk.database.fetchval("SELECT deleted_at FROM feature_views WHERE id = $1", view.id)
    await trimmer.until(deleted + 1)
    assert [row["type"] for row in await logged(desk, view)] == ["VIEW_DEFINED", "VIEW_DELETED"]


async def test_one_replica_trims_a_view_and_none_while_it_is_rebuilt(desk, trimmer, retained_a_day):
    view = await desk.define(retained_a_day())
    await desk.write(view, ("a", {"temp": 1.0}, 1, 1), ("a", {"temp": 2.0}, 2, 2))
    await recorded(desk, view, 2)
    await desk.write(view, ("b", {"temp": 1.0}, 9))
    async with desk.claims(view.id) as mine:
        assert mine
        await trimmer.until(6)
        assert len(await desk.offline_rows(view)) == 3
    await asyncio.gather(trimmer.until(6), trimmer.until(6))
    await trimmer.until(6)
    assert len(await desk.offline_rows(view)) == 2


async def test_the_log_gives_out_no_definition_even_to_a_trim(desk, retained_a_day):
    view = await desk.define(retained_a_day())
    await desk.write(view, ("a", {"temp": 1.0}, 1))
    with pytest.raises(Exception, match="append-only"):
        await desk.database.execute("DELETE FROM feature_log WHERE view_id = $1", view.id)
    with pytest.raises(Exception, match="definitions"):
        async with desk.database.transaction() as tx:
            await tx.execute("SET LOCAL fp_featurestore.trims = 'on'")
            await tx.execute("DELETE FROM feature_log WHERE view_id = $1", view.id)
