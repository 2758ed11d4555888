"""Monitor, put together."""

from datetime import timedelta

import fp_runtime
from forgepoint.monitor.v1.monitor_pb2_grpc import add_MonitorServiceServicer_to_server
from forgepoint.monitor.v1.prediction_log_pb2_grpc import add_PredictionLogServiceServicer_to_server
from fp_events import AuditPublisher, each
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT, AUTH, INFERENCE, MODELS, PIPELINES
from fp_kernel import InvalidArgument
from fp_postgres import PRUNE_EVERY, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_postgres.signals import Signals
from fp_rpc import Server, ServerPolicy
from fp_rpc.hosting import peers
from fp_runtime import Runtime
from fp_s3.hosting import soft_objects

from fp_monitor import prediction_log, retention
from fp_monitor.adapters.peers import GrpcPeers
from fp_monitor.adapters.postgres.reads import PostgresReads
from fp_monitor.adapters.postgres.reports import CHANNEL
from fp_monitor.adapters.postgres.retention import PostgresRetention
from fp_monitor.adapters.postgres.transactions import PostgresTransactions
from fp_monitor.api import consumers
from fp_monitor.api.grpc import MonitorServicer
from fp_monitor.app.close_windows import CloseWindows
from fp_monitor.app.configure_monitor import ConfigureMonitor
from fp_monitor.app.count_traffic import CountTraffic
from fp_monitor.app.delete_monitor import DeleteMonitor
from fp_monitor.app.fill_windows import FillWindows
from fp_monitor.app.follow_retraining import FollowRetraining
from fp_monitor.app.judge_window import JudgeWindow
from fp_monitor.app.note_gap import NoteGap
from fp_monitor.app.queries import Queries
from fp_monitor.app.reset_baseline import ResetBaseline
from fp_monitor.app.stream_reports import StreamReports
from fp_monitor.app.submit_truth import SubmitTruth
from fp_monitor.app.take_baseline import TakeBaseline
from fp_monitor.metrics import Metrics
from fp_monitor.settings import Settings

NOUN = "monitor"
_STREAMS = (MODELS, INFERENCE, PIPELINES, AUDIT, AUTH)
_PEER_TIMEOUT = 5.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, metrics, poll = runtime.clock, Metrics(runtime.metrics), settings.monitor_poll_seconds
    labels_wait = timedelta(days=settings.monitor_retention_days)
    unlabelled = timedelta(days=settings.monitor_unlabelled_days)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)
    objects = await soft_objects(runtime, settings, own="predictions/")  # away, the log waits; all else goes on
    others = peers(runtime, settings)
    asked = GrpcPeers(
        others.channels.open(settings.registry_addr, peer="registry", timeout=_PEER_TIMEOUT, passing={InvalidArgument}),
        others.channels.open(settings.pipeline_addr, peer="pipeline", timeout=_PEER_TIMEOUT),
    )

    transactions, reads, signals = PostgresTransactions(database), PostgresReads(database), Signals(database, CHANNEL)
    judge_window = JudgeWindow(clock, metrics.window_judged)
    fill_windows = FillWindows(clock, judge_window, labels_wait=labels_wait)
    servicer = MonitorServicer(
        configure_monitor=ConfigureMonitor(transactions, reads, asked, clock),
        delete_monitor=DeleteMonitor(transactions, PostgresRetention(database), clock),
        reset_baseline=ResetBaseline(transactions, clock),
        submit_truth=SubmitTruth(transactions, fill_windows, clock),
        stream_reports=StreamReports(reads, signals, poll=poll),
        queries=Queries(reads),
        clock=clock,
    )
    traffic, promotions, retrainings = consumers.TRAFFIC, consumers.PROMOTIONS, consumers.RETRAININGS
    on_traffic = consumers.count_traffic(
        CountTraffic(transactions, fill_windows, clock, consumer=traffic.name, unlabelled=unlabelled)
    )
    on_gap = consumers.note_gap(NoteGap(transactions, clock))
    on_promotion = consumers.take_baseline(
        TakeBaseline(transactions, clock, consumer=promotions.name, labels_wait=labels_wait)
    )
    on_retraining = consumers.follow_retraining(FollowRetraining(transactions, consumer=retrainings.name))

    server = Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        policy=ServerPolicy.of(settings),
        reflection=settings.reflection,
    )
    server.add(add_MonitorServiceServicer_to_server, servicer)
    log = prediction_log.start(runtime, bus, prediction_log.Parts(database, objects, asked, metrics, labels_wait))
    server.add(add_PredictionLogServiceServicer_to_server, log)

    runtime.keep("streams", lambda: bus.ensure(_STREAMS, consumers.CONSUMERS))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.keep("signals", signals.run)
    runtime.keep("promotions", lambda: bus.consume(promotions, each(on_promotion)))
    runtime.keep("traffic", lambda: bus.consume(traffic, on_traffic, missed=on_gap))
    runtime.keep("retrainings", lambda: bus.consume(retrainings, each(on_retraining)))
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, others.ended))
    runtime.every(poll, "windows", CloseWindows(transactions, reads, judge_window, clock))
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=consumers.CONSUMERS).prune)
    await retention.start(runtime, database, settings)
    await runtime.serve(server)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
