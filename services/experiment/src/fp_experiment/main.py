"""The experiment service, put together."""

import fp_runtime
from forgepoint.experiment.v1.experiment_pb2_grpc import add_ExperimentTrackerServiceServicer_to_server
from fp_events import AuditPublisher, NatsBus
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import ended_keys
from fp_events.streams import AUDIT, AUTH, EXPERIMENTS
from fp_postgres import PRUNE_EVERY, Database, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_postgres.partitions import Partitions
from fp_rpc import ApiKeyResolver, Server
from fp_rpc.hosting import peers
from fp_runtime import Runtime

from fp_experiment.adapters.postgres.batches import PostgresBatchWriter
from fp_experiment.adapters.postgres.points import partitioned
from fp_experiment.adapters.postgres.removing import DeletedRuns
from fp_experiment.adapters.postgres.searching import EndedRuns
from fp_experiment.adapters.postgres.stores import PostgresReads, PostgresTransactions
from fp_experiment.api import consumers
from fp_experiment.api.grpc import ExperimentServicer
from fp_experiment.app import use_cases
from fp_experiment.app.ingest import Ingest
from fp_experiment.figures import Figures
from fp_experiment.settings import Settings

NOUN = "experiment"
_HOUR, _SOON = 3_600.0, 5.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, figures = runtime.clock, Figures(runtime.metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings.nats_url.get_secret_value())
    partitions = Partitions(database, partitioned(settings.points_keep))
    await partitions.ensure(clock.now())

    ingest = Ingest(
        PostgresBatchWriter(database),
        clock,
        settings.batch_policy,
        observe=figures.written,
        waiting=figures.waiting,
    )
    do = use_cases.build(PostgresTransactions(database), PostgresReads(database), ingest, clock)

    server, keys = _server(runtime, settings, bus)
    server.add(add_ExperimentTrackerServiceServicer_to_server, ExperimentServicer(do))

    # First, so that it ends last: calls and events at work at the stop are still written.
    runtime.keep("ingest", ingest.run)
    runtime.keep("streams", lambda: bus.ensure((EXPERIMENTS, AUDIT, AUTH), (consumers.LINEAGE,)))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=(consumers.LINEAGE,)).prune)
    _upkeep(runtime, database, partitions, settings)
    runtime.keep("lineage", lambda: bus.consume(consumers.LINEAGE, consumers.tell_lineage(ingest)))
    runtime.keep("api keys", lambda: bus.broadcast(consumers.API_KEYS, ended_keys(keys.drop)))
    await runtime.serve(server)


def _upkeep(runtime: Runtime, database: Database, partitions: Partitions, settings: Settings) -> None:
    """In every replica; they share the work."""
    deleted, ended, now = DeletedRuns(database), EndedRuns(database), runtime.clock.now
    runtime.every(_HOUR, "partitions", lambda: partitions.ensure(now()))
    runtime.every(_HOUR, "retention of points", lambda: partitions.drop(now()))
    if settings.runs_keep is not None:
        keep = settings.runs_keep
        runtime.every(_HOUR, "retention of runs", lambda: deleted.expire(now(), keep))
    runtime.every(_SOON, "deleted runs", deleted.remove)
    runtime.every(_SOON, "search", ended.index)


def _server(runtime: Runtime, settings: Settings, bus: NatsBus) -> tuple[Server, ApiKeyResolver]:
    """With the keys it has verified, to be dropped when they are revoked."""
    others = peers(runtime, settings)
    server = Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        reflection=settings.reflection,
    )
    return server, others.keys


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
