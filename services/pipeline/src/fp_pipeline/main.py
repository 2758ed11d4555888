"""pipeline, put together."""

import fp_runtime
from forgepoint.pipeline.v1.pipeline_pb2_grpc import add_PipelineOrchestratorServiceServicer_to_server
from fp_events import AuditPublisher, each
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import ended_keys
from fp_events.streams import AUDIT, INFERENCE, MODELS, PIPELINES
from fp_postgres import PRUNE_EVERY, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_postgres.signals import Signals
from fp_rpc import Server
from fp_rpc.identity.auth_client import remote_identity
from fp_runtime import Runtime

from fp_pipeline import engine
from fp_pipeline.adapters.measures import Measures
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.executions import CHANNEL
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.retention import PostgresRetention
from fp_pipeline.adapters.postgres.statistics import PostgresStatisticsReads
from fp_pipeline.adapters.postgres.stores import PostgresReads, PostgresTransactions
from fp_pipeline.adapters.s3 import S3Artifacts
from fp_pipeline.api import consumers
from fp_pipeline.api.grpc import PipelineServicer
from fp_pipeline.app import use_cases
from fp_pipeline.app.count_requests import CountRequests, ForgetRequests, NoteGap
from fp_pipeline.app.forget_old import ForgetOld
from fp_pipeline.app.reconcile import Reconciler
from fp_pipeline.app.retrain import Retrain
from fp_pipeline.app.undeploy_archived import UndeployArchived
from fp_pipeline.peers import open_peers, s3_client
from fp_pipeline.settings import PipelineSettings, engine_policy, keep, modules, worker_policy

NOUN = "pipeline"


async def serve(runtime: Runtime, settings: PipelineSettings) -> None:
    clock = runtime.clock
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings.nats_url.get_secret_value())
    artifacts = await _artifacts(runtime, settings)
    signals = Signals(database, CHANNEL)
    transactions, reads = PostgresTransactions(database), PostgresReads(database)
    deployments = PostgresDeploymentReads(database)
    statistics = PostgresStatisticsReads(database, consumers.REQUESTS.name)

    peers, auth = open_peers(runtime, settings, artifacts)
    policy, allowed = engine_policy(settings), modules(settings.pipeline_job_modules)
    measures = Measures(runtime.metrics)
    worker = engine.worker(
        engine.Stores(transactions, PostgresLeases(database), deployments, signals),
        engine.steps(peers, deployments, statistics, policy, modules=allowed, clock=clock),
        policy,
        worker_policy(settings),
        clock,
        in_flight=measures.in_flight,
        written=measures.written,
    )
    reconciler = Reconciler(transactions, deployments, peers.runtimes, clock, every=settings.pipeline_reconcile_seconds)
    do = use_cases.build(
        transactions=transactions,
        reads=reads,
        deployments=deployments,
        signals=signals,
        jobs=peers.jobs,
        modules=allowed,
        clock=clock,
        poll=settings.pipeline_poll_seconds,
    )
    resolver, keys = remote_identity(settings.auth_issuer, auth)
    server = Server(
        NOUN,
        resolver=resolver,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        reflection=settings.reflection,
    )
    server.add(add_PipelineOrchestratorServiceServicer_to_server, PipelineServicer(do))
    follow = consumers.follow(Retrain(transactions, clock), UndeployArchived(transactions, clock, drain=policy.drain))
    count = consumers.count(CountRequests(transactions, consumers.REQUESTS.name))
    lost = consumers.lost(NoteGap(transactions, consumers.REQUESTS.name))
    taken = (consumers.LOOP, consumers.REQUESTS)
    forget = ForgetOld(PostgresRetention(database), artifacts, clock, keep(settings))
    runtime.keep("streams", lambda: bus.ensure((PIPELINES, MODELS, INFERENCE, AUDIT), taken))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=taken).prune)
    runtime.keep("old counts", ForgetRequests(statistics, clock).run)
    runtime.every(3_600, "old executions", forget)
    runtime.keep("model events", lambda: bus.consume(consumers.LOOP, each(follow)))
    runtime.keep("request events", lambda: bus.consume(consumers.REQUESTS, count, missed=lost))
    runtime.keep("signals", signals.run)
    runtime.keep("reconciler", reconciler.run)
    runtime.keep("worker", worker.run)
    runtime.keep("api keys", lambda: bus.broadcast(consumers.API_KEYS, ended_keys(keys.drop)))
    await runtime.serve(server)


async def _artifacts(runtime: Runtime, settings: PipelineSettings) -> S3Artifacts:
    """Away, jobs wait; everything else goes on."""

    async def opened() -> S3Artifacts:
        return S3Artifacts(s3_client(settings), settings.s3_bucket)

    return await runtime.soft("s3", opened, S3Artifacts.ping, S3Artifacts.close)


def main() -> None:
    fp_runtime.main(NOUN, PipelineSettings, serve)
