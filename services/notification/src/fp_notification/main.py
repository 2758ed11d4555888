"""Notification, put together."""

import fp_runtime
from forgepoint.notification.v1.notification_pb2_grpc import add_NotificationServiceServicer_to_server
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import ended_keys
from fp_events.streams import AUDIT, AUTH, BILLING, EXPERIMENTS, FEATURES, MODELS, NOTIFICATIONS, PIPELINES
from fp_postgres import PRUNE_EVERY, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_rpc import Server
from fp_rpc.hosting import peers
from fp_runtime import Runtime

from fp_notification.adapters import texts
from fp_notification.adapters.http import HttpSender
from fp_notification.adapters.names import Names
from fp_notification.adapters.postgres.archive import PostgresArchive
from fp_notification.adapters.postgres.deliveries import PostgresDeliveries
from fp_notification.adapters.postgres.reads import PostgresReads
from fp_notification.adapters.postgres.transactions import PostgresTransactions
from fp_notification.api import consumers
from fp_notification.api.grpc import NotificationServicer
from fp_notification.app import use_cases
from fp_notification.app.deliver import Deliver
from fp_notification.app.follow_members import FollowMembers
from fp_notification.app.housekeeping import Housekeeping
from fp_notification.app.notify import Notify
from fp_notification.app.queries import Queries
from fp_notification.app.worker import Worker
from fp_notification.domain.delivery import Backoff
from fp_notification.domain.signing import Secrets
from fp_notification.figures import Figures
from fp_notification.settings import Settings

NOUN = "notification"
_STREAMS = (MODELS, PIPELINES, FEATURES, EXPERIMENTS, BILLING, AUTH, NOTIFICATIONS, AUDIT)
_HOUSEkeysING_SECONDS = 3_600.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, figures = runtime.clock, Figures(runtime.metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings.nats_url.get_secret_value())

    transactions, reads = PostgresTransactions(database), PostgresReads(database)
    names = Names(settings.notification_names_timeout)
    sender = HttpSender(settings.addresses, timeout=settings.notification_timeout, resolve=names)
    secrets = Secrets(settings.signing_key)
    lease, observe = settings.notification_lease, figures.attempted
    do = use_cases.build(transactions, reads, sender, secrets, lease=lease, observe=observe, clock=clock)
    deliver = Deliver(transactions, sender, secrets, Backoff(settings.delays), clock, observe, settings.breaker)
    worker = Worker(PostgresDeliveries(database, settings.notification_per_host), deliver, settings.worker)
    housekeeping = Housekeeping(PostgresArchive(database), clock, keep=settings.keep, every=_HOUSEkeysING_SECONDS)
    notify = Notify(transactions, reads, texts.load(), clock)
    tell = consumers.tell(FollowMembers(transactions), notify, figures.told)

    others = peers(runtime, settings)
    server = Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        reflection=settings.reflection,
    )
    server.add(add_NotificationServiceServicer_to_server, NotificationServicer(do, Queries(reads, secrets)))

    runtime.keep("streams", lambda: bus.ensure(_STREAMS, (consumers.EVENTS,)))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=(consumers.EVENTS,)).prune)
    runtime.keep("events", lambda: bus.consume(consumers.EVENTS, tell))
    runtime.keep("deliveries", worker.run)
    runtime.keep("housekeeping", housekeeping.run)
    runtime.keep("api keys", lambda: bus.broadcast(consumers.API_KEYS, ended_keys(others.keys.drop)))
    await runtime.serve(server)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
