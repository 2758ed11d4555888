"""The as-of join in SQL against a brute force one."""

import asyncio

from fp_featurestore.app.ports import AsOfQuery, Spine
from fp_featurestore.domain.instants import EVER
from fp_testkit.examples import examples
from fp_testkit.patience import PATIENCE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ENTITIES = ("a", "b", "é", "Z", "z y")
TIMES = st.integers(-3, 9)
ROW = st.tuples(st.sampled_from(ENTITIES), TIMES, TIMES)
WRITES = st.lists(st.lists(ROW, min_size=1, max_size=6), min_size=1, max_size=6)
ASKS = st.lists(st.tuples(st.sampled_from((*ENTITIES, "nobody")), TIMES, TIMES, TIMES), min_size=1, max_size=20)


def brute_as_of(rows, ask, through):
    """rows: (entity, event time, available at, version, ordinal)."""
    seen = [
        row
        for row in rows
        if row[0] == ask.entity_id and row[1] <= ask.as_of and row[2] <= ask.known_as_of and row[3] <= through
    ]
    newest = max(seen, key=lambda row: (row[1], row[3], row[4]), default=None)
    return newest if newest and newest[1] >= ask.not_before else None


def brute_window(rows, start, end, known_as_of, through):
    return sorted(
        {(row[1], row[0]) for row in rows if start <= row[1] < end and row[2] <= known_as_of and row[3] <= through}
    )


async def test_reads_as_of_a_time_are_those_of_a_brute_force_search(desk, defined):
    loop, names = asyncio.get_running_loop(), iter(range(10_000))

    @settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
    @given(WRITES, ASKS, st.integers(0, 8), st.tuples(TIMES, TIMES, TIMES))
    def check(writes, asks, through, window):
        run = lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE)  # noqa: E731
        run(compare(writes, [AsOfQuery(*ask) for ask in asks], through or EVER, window))

    async def compare(writes, asks, through, window):
        view, rows = await desk.define(defined(f"view{next(names)}")), []
        for write in writes:
            rows_of_write = [(entity, {"temp": 1.0}, event, known) for entity, event, known in write]
            version = (await desk.write(view, *rows_of_write)).version
            rows += [(*row, version, ordinal) for ordinal, row in enumerate(write, 1)]
        found = await desk.offline.as_of(view.id, asks, through)
        for place, ask in enumerate(asks):
            stored = found.get(place)
            read = stored and (stored.entity_id, stored.event_time, stored.available_at, stored.version, stored.ordinal)
            assert read == brute_as_of(rows, ask, through)
        start, end, known = window
        assert await spine(view, start, end, known, through) == brute_window(rows, start, end, known, through)

    async def spine(view, start, end, known, through):
        found, after = [], Spine(start - 1, "\U0010ffff")
        while part := await desk.offline.window(view.id, after, end, known_as_of=known, through=through, limit=3):
            found += part
            after = part[-1]
        return [(one.event_time, one.entity_id) for one in found]

    await asyncio.to_thread(check)


async def test_a_fence_waits_for_the_writes_that_are_under_way(desk, defined):
    view = await desk.define(defined())
    async with desk.database.transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('view/' || $1::text, 0))", view.id)
        waiting = asyncio.ensure_future(desk.offline.fence(view.id))
        while not await desk.database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0)
        assert not waiting.done()
    before = await waiting
    written = await desk.write(view, ("a", {"temp": 1.0}))
    assert before.version == 1
    rows = await desk.offline.as_of(view.id, [AsOfQuery("a", EVER, EVER)], written.version)
    assert rows[0].available_at > before.now
