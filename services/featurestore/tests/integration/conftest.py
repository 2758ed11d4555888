from contextlib import suppress
from importlib import resources
from types import SimpleNamespace

import pytest
import pytest_asyncio
from fp_featurestore.adapters.online.view import RedisOnline
from fp_featurestore.adapters.postgres.copies import PostgresClaims, PostgresCopies
from fp_featurestore.adapters.postgres.log import PostgresLog
from fp_featurestore.adapters.postgres.offline import PostgresOffline
from fp_featurestore.adapters.postgres.transactions import PostgresTransaction
from fp_featurestore.adapters.postgres.views import PostgresViews
from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.define_view import DefineView
from fp_featurestore.app.delete_view import DeleteView
from fp_featurestore.app.get_historical import GetHistorical
from fp_featurestore.app.get_online import GetOnline
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.app.queries import Queries
from fp_featurestore.app.rebuild import Rebuild, Target
from fp_featurestore.app.sync_online import SyncOnline
from fp_featurestore.app.training_set import GetTrainingSet
from fp_featurestore.app.update_online import UpdateOnline
from fp_featurestore.app.write_features import WriteFeatures
from fp_featurestore.domain.rows import NewRow
from fp_kernel import Command, Principal
from fp_postgres import Database, DatabaseTransactions
from fp_redis import RedisClient
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from redis.asyncio import Redis

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
OFFLINE = """
    SELECT f.entity_id, f.event_time, f.available_at, f.version, f.ordinal, f.schema_version, f.packed
    FROM feature_values f JOIN feature_views v ON v.offline_copy = f.copy
    WHERE v.id = $1 ORDER BY 1, 2, 4, 5
"""


class Desk:
    """The use-cases over real stores, and what the stores hold. looker: sees all keys, which the service may not."""

    def __init__(self, database, link, looker=None):
        self.database, self.link, self.looker = database, link, looker
        self.clock = RunningClock()
        self.views, self.log = PostgresViews(database), PostgresLog(database)
        self.offline, self.online = PostgresOffline(database), RedisOnline(link, link)
        self.copies, self.claims = PostgresCopies(database), PostgresClaims(database)
        self.catalog, self.copied, self.reads = Catalog(self.views, self.clock), [], []
        self.rebuild = Rebuild(self.views, self.log, self.online, self.copies, self.claims)
        self.sync = SyncOnline(
            self.views,
            self.log,
            self.online,
            copies=self.copies,
            claims=self.claims,
            rebuild=self.rebuild,
            observe=self.copied.append,
        )
        transactions, update_online = (
            DatabaseTransactions(database, PostgresTransaction),
            UpdateOnline(self.online, self.copied.append),
        )
        self.do = SimpleNamespace(
            queries=Queries(self.views),
            define_view=DefineView(transactions, self.catalog, update_online),
            delete_view=DeleteView(transactions, self.catalog, self.online),
            write_features=WriteFeatures(transactions, self.catalog, update_online),
            get_online=GetOnline(self.catalog, self.online, self.offline, clock=self.clock, observe=self.reads.append),
            get_historical=GetHistorical(self.catalog, self.offline),
            get_training_set=GetTrainingSet(self.catalog, self.offline),
            rebuild=self.rebuild,
        )

    async def define(self, definition):
        return await self.do.define_view(definition, ANN, NO_KEY)

    async def write(self, view, *rows, command=NO_KEY):
        """rows: (entity, values, event time, available at), the last ones as wanted."""
        return await self.do.write_features(view.id, [NewRow(*row) for row in rows], ANN, command)

    async def rebuilt(self, view, *, online=True, offline=True):
        return [step async for step in self.do.rebuild("alpha", view.id, Target(online=online, offline=offline))]

    async def view(self, view):
        return await self.views.view("alpha", ViewRef(id=view.id))

    async def offline_rows(self, view):
        return [tuple(row) for row in await self.database.fetch(OFFLINE, view.id)]

    async def online_values(self, view, entity_ids):
        """What the online view holds; None when it has no complete copy."""
        stored = await self.online.read(view, entity_ids)
        return None if stored is None else dict(zip(entity_ids, stored, strict=True))

    async def keys(self):
        return {key.decode() for key in await self.looker.keys()}

    async def flush(self):
        await self.looker.flushall()


@pytest_asyncio.fixture
async def database_of_features(databases):
    return await databases.create(resources.files("fp_featurestore") / "migrations", service="featurestore")


@pytest_asyncio.fixture
async def desk(database_of_features, redis_url, redis_look_url):
    database, link = await open_stores(database_of_features, redis_url)
    async with Redis.from_url(redis_look_url) as looker:
        yield Desk(database, link, looker)
    with suppress(Exception):
        await link.close()
    await database.close()


async def open_stores(database_url, redis_url):
    link = RedisClient.open(redis_url, RunningClock(), store="the online view", timeout=PATIENCE)
    return await Database.connect(database_url, source="featurestore"), link


@pytest.fixture(scope="session")
def new_desk():
    """For scenarios that open their own stores."""

    async def make(database_url, redis_url):
        return Desk(*await open_stores(database_url, redis_url))

    return make
