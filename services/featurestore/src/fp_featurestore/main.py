"""The feature store, put together."""

import fp_runtime
from forgepoint.featurestore.v1.featurestore_pb2_grpc import add_FeatureStoreServiceServicer_to_server
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT, AUTH, FEATURES
from fp_kernel import Clock
from fp_postgres import PRUNE_EVERY, Database, DatabaseTransactions, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_redis.hosting import soft_links
from fp_rpc import Server, ServerPolicy
from fp_rpc.hosting import peers
from fp_runtime import Runtime

from fp_featurestore.adapters.online.view import RedisOnline
from fp_featurestore.adapters.postgres.copies import PostgresClaims, PostgresCopies
from fp_featurestore.adapters.postgres.history import PostgresHistory
from fp_featurestore.adapters.postgres.log import PostgresLog
from fp_featurestore.adapters.postgres.offline import PostgresOffline
from fp_featurestore.adapters.postgres.transactions import PostgresTransaction
from fp_featurestore.adapters.postgres.views import PostgresViews
from fp_featurestore.api.grpc import FeatureStoreServicer
from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.define_view import DefineView
from fp_featurestore.app.delete_view import DeleteView
from fp_featurestore.app.get_historical import GetHistorical
from fp_featurestore.app.get_online import GetOnline
from fp_featurestore.app.queries import Queries
from fp_featurestore.app.rebuild import Rebuild
from fp_featurestore.app.sync_online import SyncOnline
from fp_featurestore.app.training_set import GetTrainingSet
from fp_featurestore.app.trim_history import TrimHistory
from fp_featurestore.app.update_online import UpdateOnline
from fp_featurestore.app.write_features import WriteFeatures
from fp_featurestore.metrics import Metrics
from fp_featurestore.settings import Settings

NOUN = "featurestore"
_HOUR = 3_600.0
_SYNC_EVERY = 1.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, seen = runtime.clock, Metrics(runtime.metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)
    redis = settings.redis_url.get_secret_value()
    # Soft: reads go to the offline view meanwhile, and what is written is replayed from the log afterwards.
    links = await soft_links(runtime, redis, clock, store="the online view", seconds=settings.redis_timeout)
    online = RedisOnline(*links)

    views = PostgresViews(database)
    catalog = Catalog(views, clock)
    sync = _sync(database, views, online, seen)
    servicer = _servicer(database, catalog, online, rebuild=sync.rebuild, clock=clock, seen=seen)
    await catalog.warm()

    others = peers(runtime, settings)
    server = Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        policy=ServerPolicy.of(settings),
        reflection=settings.reflection,
    )
    server.add(add_FeatureStoreServiceServicer_to_server, servicer)

    runtime.keep("streams", lambda: bus.ensure((FEATURES, AUDIT, AUTH), ()))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database).prune)
    trim = TrimHistory(PostgresHistory(database), PostgresClaims(database), clock)
    runtime.every(settings.featurestore_trim_hours * _HOUR, "history", trim)
    runtime.every(_SYNC_EVERY, "online view", sync)
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, others.ended))
    await runtime.serve(server)


def _servicer(
    database: Database, catalog: Catalog, online: RedisOnline, *, rebuild: Rebuild, clock: Clock, seen: Metrics
) -> FeatureStoreServicer:
    transactions, offline = DatabaseTransactions(database, PostgresTransaction), PostgresOffline(database)
    update_online = UpdateOnline(online, seen.copied)
    return FeatureStoreServicer(
        queries=Queries(PostgresViews(database)),
        define_view=DefineView(transactions, catalog, update_online),
        delete_view=DeleteView(transactions, catalog, online),
        write_features=WriteFeatures(transactions, catalog, update_online),
        get_online=GetOnline(catalog, online, offline, clock=clock, observe=seen.read),
        get_historical=GetHistorical(catalog, offline),
        get_training_set=GetTrainingSet(catalog, offline),
        rebuild=rebuild,
    )


def _sync(database: Database, views: PostgresViews, online: RedisOnline, seen: Metrics) -> SyncOnline:
    log, copies, claims = PostgresLog(database), PostgresCopies(database), PostgresClaims(database)
    rebuild = Rebuild(views, log, online, copies, claims)
    return SyncOnline(views, log, online, copies=copies, claims=claims, rebuild=rebuild, observe=seen.copied)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
