"""pipeline, put together."""

from functools import partial

import fp_runtime
from forgepoint.pipeline.v1.pipeline_pb2_grpc import add_PipelineOrchestratorServiceServicer_to_server
from fp_events import AuditPublisher, each
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT, INFERENCE, MODELS, PIPELINES
from fp_postgres import PRUNE_EVERY, DatabaseTransactions, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_postgres.signals import Signals
from fp_rpc import Server, ServerPolicy, hosting
from fp_runtime import Runtime
from fp_s3.hosting import soft_objects

from fp_pipeline import engine
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.executions import CHANNEL
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.promotions import PostgresPromotionReads
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.adapters.postgres.retention import PostgresRetention
from fp_pipeline.adapters.postgres.statistics import PostgresStatisticsReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.adapters.serving import GrpcModels
from fp_pipeline.api import consumers
from fp_pipeline.api.grpc import PipelineServicer
from fp_pipeline.app.cancel_execution import CancelExecution
from fp_pipeline.app.change_pipeline import DeletePipeline, UpdatePipeline
from fp_pipeline.app.count_requests import CountRequests, NoteGap
from fp_pipeline.app.create_pipeline import CreatePipeline
from fp_pipeline.app.promotions import RollBackPromotion, WatchPromotions
from fp_pipeline.app.queries import Queries
from fp_pipeline.app.reconcile import Reconciler
from fp_pipeline.app.retrain import Retrain
from fp_pipeline.app.scale_deployment import FollowScale, ScaleDeployment
from fp_pipeline.app.step_logs import StreamStepLogs
from fp_pipeline.app.trigger_execution import TriggerExecution
from fp_pipeline.app.undeploy_archived import UndeployArchived
from fp_pipeline.app.version_runtimes import VersionRuntimes
from fp_pipeline.app.watch_execution import WatchExecution
from fp_pipeline.keepers import keepers
from fp_pipeline.metrics import Metrics
from fp_pipeline.peers import step_peers
from fp_pipeline.retention import ForgetExecutions, ForgetRequests
from fp_pipeline.settings import PipelineSettings, ages, allowed_jobs, engine_policy, worker_policy

NOUN = "pipeline"


async def serve(runtime: Runtime, settings: PipelineSettings) -> None:
    clock = runtime.clock
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)
    artifacts = await soft_objects(runtime, settings, own="pipelines/")  # away, jobs wait; everything else goes on
    signals = Signals(database, CHANNEL)
    transactions, reads = DatabaseTransactions(database, PostgresTransaction), PostgresReads(database)
    deployments = PostgresDeploymentReads(database)
    statistics = PostgresStatisticsReads(database, consumers.REQUESTS.name)

    callers = hosting.peers(runtime, settings)
    kept = keepers(settings)
    runtime.on_close(kept.close)
    peers = step_peers(settings, callers.channels, artifacts, kept)
    policy, allowed = engine_policy(settings), allowed_jobs(settings)
    metrics = Metrics(runtime.metrics)
    unread = partial(bus.unread, consumers.REQUESTS)
    worker = engine.worker(
        engine.Stores(transactions, PostgresLeases(database), deployments, signals),
        engine.steps(
            peers,
            deployments,
            statistics,
            policy,
            unread=unread,
            modules=allowed,
            clock=clock,
        ),
        policy,
        worker_policy(settings),
        clock,
        in_flight=metrics.in_flight,
        written=metrics.written,
    )
    kept_up = (transactions, deployments, peers.runtimes, peers.probe, clock)
    follow_scale = FollowScale(*kept_up, drain=policy.drain, settled=metrics.scale_settled)
    reconciler = Reconciler(*kept_up, follow_scale=follow_scale, every=settings.pipeline_reconcile_seconds)
    promotions = PostgresPromotionReads(database)
    roll_back = RollBackPromotion(
        transactions, peers.traffic, peers.registry, clock, drain=policy.drain, ended=metrics.ended
    )
    watch = WatchPromotions(
        transactions=transactions,
        promotions=promotions,
        statistics=statistics,
        traffic=peers.traffic,
        roll_back=roll_back,
        clock=clock,
        drain=policy.drain,
        every=settings.pipeline_poll_seconds,
        ended=metrics.ended,
    )
    servicer = PipelineServicer(
        create_pipeline=CreatePipeline(transactions, allowed, clock),
        update_pipeline=UpdatePipeline(transactions, allowed),
        delete_pipeline=DeletePipeline(transactions, clock),
        trigger_execution=TriggerExecution(transactions, clock),
        cancel_execution=CancelExecution(transactions, clock),
        watch_execution=WatchExecution(reads, signals, clock, poll=settings.pipeline_poll_seconds),
        step_logs=StreamStepLogs(reads, peers.jobs, signals, clock, poll=settings.pipeline_poll_seconds),
        roll_back=roll_back,
        queries=Queries(reads, deployments, promotions, statistics, clock),
        scale_deployment=ScaleDeployment(transactions, deployments, asked=metrics.scale_asked),
        version_runtimes=VersionRuntimes(
            deployments, GrpcModels(callers.channels, timeout=settings.pipeline_peer_timeout_seconds)
        ),
    )
    server = Server(
        NOUN,
        resolver=callers.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        policy=ServerPolicy.of(settings),
        reflection=settings.reflection,
    )
    server.add(add_PipelineOrchestratorServiceServicer_to_server, servicer)
    follow = consumers.follow(Retrain(transactions, clock), UndeployArchived(transactions, clock, drain=policy.drain))
    count = consumers.count(CountRequests(transactions, consumers.REQUESTS.name))
    lost = consumers.lost(NoteGap(transactions, consumers.REQUESTS.name))
    taken = (consumers.LOOP, consumers.REQUESTS)
    forget = ForgetExecutions(PostgresRetention(database), artifacts, clock, ages(settings))
    runtime.keep("streams", lambda: bus.ensure((PIPELINES, MODELS, INFERENCE, AUDIT), taken))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=taken).prune)
    runtime.every(600, "old counts", ForgetRequests(statistics, clock))
    runtime.every(3_600, "old executions", forget)
    runtime.keep("model events", lambda: bus.consume(consumers.LOOP, each(follow)))
    runtime.keep("request events", lambda: bus.consume(consumers.REQUESTS, count, missed=lost))
    runtime.keep("signals", signals.run)
    runtime.keep("reconciler", reconciler.run)
    runtime.keep("promotions", watch.run)
    runtime.keep("worker", worker.run)
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, callers.ended))
    await runtime.serve(server)


def main() -> None:
    fp_runtime.main(NOUN, PipelineSettings, serve)
