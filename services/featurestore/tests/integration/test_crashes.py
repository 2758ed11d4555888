"""Killed at every step of a write, of a rebuild and of catching up."""

import itertools
from dataclasses import replace
from importlib import resources
from types import SimpleNamespace

import pytest
from fp_events import decode
from fp_featurestore.adapters.online.view import RedisOnline
from fp_featurestore.adapters.postgres.copies import PostgresClaims, PostgresCopies
from fp_featurestore.adapters.postgres.log import PostgresLog
from fp_featurestore.adapters.postgres.offline import PostgresOffline
from fp_featurestore.adapters.postgres.transactions import PostgresTransaction
from fp_featurestore.adapters.postgres.views import PostgresViews
from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.define_view import DefineView
from fp_featurestore.app.delete_view import DeleteView
from fp_featurestore.app.get_online import GetOnline
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.app.rebuild import Rebuild, Target
from fp_featurestore.app.sync_online import SyncOnline
from fp_featurestore.app.update_online import UpdateOnline
from fp_featurestore.app.write_features import WriteFeatures
from fp_featurestore.domain.features import Definition, Entity, Feature, ValueType
from fp_featurestore.domain.rows import NewRow
from fp_kernel import Command, Principal, Replayed
from fp_postgres import Database, DatabaseTransactions
from fp_redis import RedisClient
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
KEYED = Command("alpha", "/Write", "k", b"same", lambda written: b"%d" % written.version)
DEFINITION = Definition("flights", Entity("flight", "id"), (Feature("temp", ValueType.DOUBLE),))
ROWS = [NewRow("a", {"temp": 1.0}, 10), NewRow("b", {"temp": 2.0}, 10), NewRow("a", {"temp": 3.0}, 10)]
EVENTS = "SELECT envelope FROM fp_outbox ORDER BY position"
OFFLINE = """
    SELECT f.entity_id, f.event_time, f.version, f.ordinal, f.packed
    FROM feature_values f JOIN feature_views v ON v.offline_copy = f.copy
    WHERE v.id = $1 ORDER BY 1, 2, 3, 4
"""
COPIES = "SELECT count(*) FROM offline_copies WHERE view_id = $1"
UNREAD = "SELECT count(*) FROM feature_values WHERE copy NOT IN (SELECT offline_copy FROM feature_views)"


class Parts:
    """step: wraps each adapter, for scenarios whose steps are calls of the ports and not statements."""

    def __init__(self, database, link, step):
        clock, self.database, self.views = RunningClock(), database, step(PostgresViews(database))
        self.link = link
        self.online, self.log = step(RedisOnline(link, link)), step(PostgresLog(database))
        copies, claims = step(PostgresCopies(database)), PostgresClaims(database)
        self.rebuild = Rebuild(self.views, self.log, self.online, copies, claims)
        self.sync = SyncOnline(
            self.views,
            self.log,
            self.online,
            copies=copies,
            claims=claims,
            rebuild=self.rebuild,
            observe=lambda _: None,
        )
        transactions, catalog = DatabaseTransactions(database, PostgresTransaction), Catalog(self.views, clock)
        update_online = UpdateOnline(self.online, lambda _: None)
        self.do = SimpleNamespace(
            define_view=DefineView(transactions, catalog, update_online),
            delete_view=DeleteView(transactions, catalog, self.online),
            write_features=WriteFeatures(transactions, catalog, update_online),
            get_online=GetOnline(catalog, self.online, PostgresOffline(database), clock=clock, observe=lambda _: None),
            rebuild=self.rebuild,
        )

    @classmethod
    async def open(cls, url, redis_url, *, wrap=lambda store: store, step=lambda port: port):
        database = await Database.connect(url, source="featurestore")
        link = RedisClient.open(redis_url, RunningClock(), store="the online view", timeout=PATIENCE)
        return cls(wrap(database), wrap(link), step)

    async def close(self):
        await self.link.close()
        await self.database.close()

    async def view(self, view_id):
        return await self.views.view("alpha", ViewRef(id=view_id))

    async def both(self, view_id):
        """What the offline view holds, and the online one as far as the newest values go."""
        stored = await self.online.read(await self.view(view_id), ["a", "b"])
        offline = [tuple(row) for row in await self.database.fetch(OFFLINE, view_id)]
        return offline, stored and [value and (value.version, value.ordinal, value.packed) for value in stored]


async def write(crash, url, redis_url, view_id):
    """The scenario: one write with a key."""
    parts = await Parts.open(url, redis_url, wrap=crash.wrap)
    await parts.do.write_features(view_id, ROWS, ANN, replace(KEYED, key=view_id))


async def rebuild(crash, url, redis_url, view_id):
    """The scenario: both views made anew."""
    parts = await Parts.open(url, redis_url, step=crash.wrap)
    async for _ in parts.do.rebuild("alpha", view_id, Target(online=True, offline=True)):
        continue


async def catch_up(crash, url, redis_url, _view_id):
    """The scenario: a store that was flushed is filled again."""
    parts = await Parts.open(url, redis_url, step=crash.wrap)
    await parts.sync.sync_all()


@pytest.fixture
async def arranged(databases, redis_url):
    """For each run a view, with rows when they are wanted, all in one database."""
    url = await databases.create(resources.files("fp_featurestore") / "migrations", service="featurestore")
    runs = itertools.count()

    def arranging(*, filled, flushed=False):
        async def arrange():
            parts = await Parts.open(url, redis_url)
            view = await parts.do.define_view(replace(DEFINITION, name=f"view{next(runs)}"), ANN, NO_KEY)
            for _ in range(3 if filled else 0):
                await parts.do.write_features(view.id, ROWS, ANN, NO_KEY)
            if flushed:
                await parts.online.drop(view)
            await parts.close()
            return url, redis_url, view.id

        return arrange

    return arranging


async def _check_write(run):
    """All of it or nothing; the same key again ends it with one event, and both views have it."""
    *places, view_id = run.arguments
    parts = await Parts.open(*places)
    offline, _ = await parts.both(view_id)
    view = await parts.view(view_id)
    assert (view.version, len(offline), await _written(parts, view_id)) in {(1, 0, 0), (2, 3, 1)}
    try:
        await parts.do.write_features(view_id, ROWS, ANN, replace(KEYED, key=view_id))
    except Replayed:
        assert view.version == 2
    await parts.sync.sync_all()
    offline, online = await parts.both(view_id)
    assert [(row[0], row[2], row[3]) for row in offline] == [("a", 2, 1), ("a", 2, 3), ("b", 2, 2)]
    assert [value[:2] for value in online] == [(2, 3), (2, 2)]
    assert await _written(parts, view_id) == 1
    await parts.close()


async def _written(parts, view_id):
    events = [decode(row["envelope"]) for row in await parts.database.fetch(EVENTS)]
    return sum(event.type == "fp.features.written" and event.resource_id == view_id for event in events)


async def _check_views(run):
    """Both views answer as before, whatever was reached, and another rebuild leaves nothing behind."""
    *places, view_id = run.arguments
    parts = await Parts.open(*places)
    offline, online = await parts.both(view_id)
    assert [(row[2], row[3]) for row in offline if row[0] == "a"] == [(v, o) for v in (2, 3, 4) for o in (1, 3)]
    assert online is None or [value[:2] for value in online] == [(4, 3), (4, 2)]
    await parts.sync.sync_all()
    assert [value[:2] for value in (await parts.both(view_id))[1]] == [(4, 3), (4, 2)]
    async for _ in parts.do.rebuild("alpha", view_id, Target(online=True, offline=True)):
        continue
    assert (await parts.both(view_id))[0] == offline
    assert await parts.database.fetchval(COPIES, view_id) == 1
    assert await parts.database.fetchval(UNREAD) == 0
    await parts.close()


async def test_a_write_that_is_killed_anywhere_can_be_repeated(kill_at, arranged):
    assert await kill_at(write, _check_write, arrange=arranged(filled=False)) > 8


async def test_a_rebuild_that_is_killed_anywhere_harms_nothing(kill_at, arranged):
    assert await kill_at(rebuild, _check_views, arrange=arranged(filled=True)) > 12


async def test_a_store_whose_filling_is_killed_anywhere_is_filled_by_the_next_one(kill_at, arranged):
    assert await kill_at(catch_up, _check_views, arrange=arranged(filled=True, flushed=True)) > 5
