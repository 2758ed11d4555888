"""The experiment service, put together."""

import fp_runtime
from forgepoint.experiment.v1.experiment_pb2_grpc import add_ExperimentTrackerServiceServicer_to_server
from fp_events import AuditPublisher, NatsBus
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT, AUTH, EXPERIMENTS
from fp_kernel import Clock
from fp_postgres import Database, DatabaseTransactions, OutboxRelay
from fp_postgres.hosting import hard_database
from fp_postgres.partitions import Partitions
from fp_rpc import Server, ServerPolicy
from fp_rpc.hosting import peers
from fp_rpc.identity.ended import EndedIdentities
from fp_runtime import Runtime

from fp_experiment.adapters.postgres.batches import PostgresBatchWriter
from fp_experiment.adapters.postgres.points import partitioned
from fp_experiment.adapters.postgres.reads import PostgresReads
from fp_experiment.adapters.postgres.search_index import EndedRuns
from fp_experiment.adapters.postgres.transactions import PostgresTransaction
from fp_experiment.api import consumers
from fp_experiment.api.grpc import ExperimentServicer
from fp_experiment.app.archive_experiment import ArchiveExperiment
from fp_experiment.app.create_experiment import CreateExperiment
from fp_experiment.app.delete_run import DeleteRun
from fp_experiment.app.history import History
from fp_experiment.app.ingest import Ingest
from fp_experiment.app.log_params import LogParams
from fp_experiment.app.queries import Queries
from fp_experiment.app.set_run_artifacts import SetRunArtifacts
from fp_experiment.app.start_run import StartRun
from fp_experiment.app.update_experiment import UpdateExperiment
from fp_experiment.app.update_run_status import UpdateRunStatus
from fp_experiment.metrics import Metrics
from fp_experiment.retention import retain
from fp_experiment.settings import Settings

NOUN = "experiment"
_INDEX_EVERY = 5.0  # seconds; until then a search looks at each run that has ended by itself


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, metrics = runtime.clock, Metrics(runtime.metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)
    partitions = Partitions(database, partitioned(settings.points_keep))
    await partitions.ensure(clock.now())

    ingest = Ingest(
        PostgresBatchWriter(database),
        clock,
        settings.batch_policy,
        observe=metrics.written,
        waiting=metrics.waiting,
    )
    server, ended = _server(runtime, settings, bus)
    server.add(add_ExperimentTrackerServiceServicer_to_server, _servicer(database, ingest, clock))

    # First, so that it ends last: calls and events at work at the stop are still written.
    runtime.keep("ingest", ingest.run)
    runtime.keep("streams", lambda: bus.ensure((EXPERIMENTS, AUDIT, AUTH), (consumers.LINEAGE,)))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    retain(runtime, database, partitions, settings)
    runtime.every(_INDEX_EVERY, "search", EndedRuns(database).index)
    runtime.keep("lineage", lambda: bus.consume(consumers.LINEAGE, consumers.record_lineage(ingest)))
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, ended))
    await runtime.serve(server)


def _servicer(database: Database, ingest: Ingest, clock: Clock) -> ExperimentServicer:
    transactions, reads = DatabaseTransactions(database, PostgresTransaction), PostgresReads(database)
    return ExperimentServicer(
        create_experiment=CreateExperiment(transactions, clock),
        update_experiment=UpdateExperiment(transactions, clock),
        archive_experiment=ArchiveExperiment(transactions, clock),
        start_run=StartRun(transactions, clock),
        update_run_status=UpdateRunStatus(transactions, clock),
        delete_run=DeleteRun(transactions, clock),
        set_run_artifacts=SetRunArtifacts(transactions),
        log_params=LogParams(transactions),
        ingest=ingest,
        queries=Queries(reads),
        history=History(reads),
        clock=clock,
    )


def _server(runtime: Runtime, settings: Settings, bus: NatsBus) -> tuple[Server, EndedIdentities]:
    """And what hears of credentials that ended."""
    others = peers(runtime, settings)
    server = Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        policy=ServerPolicy.of(settings),
        reflection=settings.reflection,
    )
    return server, others.ended


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
