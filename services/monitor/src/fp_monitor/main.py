"""monitor, put together."""

from datetime import timedelta

import fp_runtime
from forgepoint.monitor.v1.monitor_pb2_grpc import add_MonitorServiceServicer_to_server
from fp_events import AuditPublisher, each
from fp_events.hosting import soft_bus
from fp_events.streams import AUDIT, AUTH, INFERENCE, MODELS, PIPELINES
from fp_postgres import PRUNE_EVERY, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_postgres.signals import Signals
from fp_rpc import Channels, Server, ServiceCredential
from fp_rpc.identity.auth_client import remote_identity
from fp_runtime import Runtime

from fp_monitor import retention
from fp_monitor.adapters.peers import GrpcPeers
from fp_monitor.adapters.postgres.reads import PostgresReads
from fp_monitor.adapters.postgres.reports import CHANNEL
from fp_monitor.adapters.postgres.stores import PostgresTransactions
from fp_monitor.api import consumers
from fp_monitor.api.grpc import MonitorServicer
from fp_monitor.app import use_cases
from fp_monitor.app.close_windows import CloseWindows
from fp_monitor.app.count_traffic import CountTraffic
from fp_monitor.app.filling import Filling
from fp_monitor.app.follow_retraining import FollowRetraining
from fp_monitor.app.note_gap import NoteGap
from fp_monitor.app.take_baseline import TakeBaseline
from fp_monitor.app.verdict import Verdict
from fp_monitor.settings import Settings

NOUN = "monitor"
_AUTH_TIMEOUT = 5.0
_PEER_TIMEOUT = 5.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, poll = runtime.clock, settings.monitor_poll_seconds
    keep = timedelta(days=settings.monitor_retention_days)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings.nats_url.get_secret_value())
    transactions, reads, signals = PostgresTransactions(database), PostgresReads(database), Signals(database, CHANNEL)

    credential = ServiceCredential(NOUN, settings.service_secret.get_secret_value(), settings.auth_addr)
    channels = Channels(credential, metrics=runtime.metrics)
    runtime.on_close(credential.close)
    runtime.on_close(channels.close)
    peers = GrpcPeers(
        channels.open(settings.registry_addr, timeout=_PEER_TIMEOUT),
        channels.open(settings.pipeline_addr, timeout=_PEER_TIMEOUT),
    )

    judged = runtime.metrics.counter("windows_judged_total", "Windows closed with a report.", ("kind", "outcome"))
    verdict = Verdict(clock, lambda kind, outcome: judged.labels(kind, outcome).inc())
    filling = Filling(clock, verdict, labels_wait=keep)
    do = use_cases.build(
        transactions=transactions,
        reads=reads,
        peers=peers,
        signals=signals,
        filling=filling,
        clock=clock,
        poll=poll,
    )
    count = consumers.count_traffic(
        CountTraffic(
            transactions,
            filling,
            clock,
            consumer=consumers.TRAFFIC.name,
            unlabelled=timedelta(days=settings.monitor_unlabelled_days),
        )
    )
    missed = consumers.note_gap(NoteGap(transactions, clock))
    take = consumers.take_baseline(
        TakeBaseline(transactions, clock, consumer=consumers.PROMOTIONS.name, labels_wait=keep)
    )
    follow = consumers.follow_retraining(FollowRetraining(transactions, consumer=consumers.RETRAININGS.name))
    close = CloseWindows(transactions, reads, verdict, clock)

    identity, keys = remote_identity(settings.auth_issuer, channels.open(settings.auth_addr, timeout=_AUTH_TIMEOUT))
    server = Server(
        NOUN,
        resolver=identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        reflection=settings.reflection,
    )
    server.add(add_MonitorServiceServicer_to_server, MonitorServicer(do, clock))

    streams = (MODELS, INFERENCE, PIPELINES, AUDIT, AUTH)
    runtime.keep("streams", lambda: bus.ensure(streams, consumers.CONSUMERS))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=consumers.CONSUMERS).prune)
    runtime.keep("signals", signals.run)
    runtime.keep("promotions", lambda: bus.consume(consumers.PROMOTIONS, each(take)))
    runtime.keep("traffic", lambda: bus.consume(consumers.TRAFFIC, count, missed=missed))
    runtime.keep("retrainings", lambda: bus.consume(consumers.RETRAININGS, each(follow)))
    runtime.every(poll, "windows", close.once)
    await retention.start(runtime, database, settings)
    runtime.keep("api keys", lambda: bus.broadcast(consumers.API_KEYS, consumers.drop_keys(keys)))
    await runtime.serve(server)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
