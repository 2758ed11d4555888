"""Notification, put together."""

from collections.abc import Callable

import fp_runtime
from forgepoint.auth.v1.secret_pb2_grpc import SecretServiceStub
from forgepoint.notification.v1.mail_pb2_grpc import add_MailServiceServicer_to_server
from forgepoint.notification.v1.notification_pb2_grpc import add_NotificationServiceServicer_to_server
from fp_events import AuditPublisher, NatsBus
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT, AUTH, BILLING, EXPERIMENTS, FEATURES, MODELS, NOTIFICATIONS, PIPELINES
from fp_postgres import PRUNE_EVERY, Database, DatabaseTransactions, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_rpc import Server, ServerPolicy, Withdrawals
from fp_rpc.hosting import Peers, peers
from fp_rpc.identity.withdrawals import TEAM, USER
from fp_rpc.secret_values import SecretValues
from fp_runtime import Runtime

from fp_notification.adapters import templates
from fp_notification.adapters.http import HttpSender
from fp_notification.adapters.letters import Letters
from fp_notification.adapters.names import Names
from fp_notification.adapters.postgres.archive import PostgresArchive
from fp_notification.adapters.postgres.deliveries import PostgresClaims
from fp_notification.adapters.postgres.reads import PostgresReads
from fp_notification.adapters.postgres.transactions import PostgresTransaction
from fp_notification.api import consumers
from fp_notification.api.grpc import NotificationServicer
from fp_notification.app.add_members import AddMembers
from fp_notification.app.create_rule import CreateRule
from fp_notification.app.delete_rule import DeleteRule
from fp_notification.app.deliver import Deliver
from fp_notification.app.dispatch import Dispatch
from fp_notification.app.end_members import EndMembers
from fp_notification.app.mark_read import MarkRead
from fp_notification.app.notify import Notify
from fp_notification.app.queries import Queries
from fp_notification.app.try_channel import TryChannel
from fp_notification.app.update_preferences import UpdatePreferences
from fp_notification.app.update_rule import UpdateRule
from fp_notification.app.worker import Worker
from fp_notification.domain.delivery import Backoff
from fp_notification.domain.notifications import Notification
from fp_notification.domain.signing import Secrets
from fp_notification.mail import open_mail
from fp_notification.metrics import Metrics
from fp_notification.retention import ForgetHosts, Retention
from fp_notification.settings import Settings

NOUN = "notification"
_STREAMS = (MODELS, PIPELINES, FEATURES, EXPERIMENTS, BILLING, AUTH, NOTIFICATIONS, AUDIT)


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, metrics = runtime.clock, Metrics(runtime.metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)

    transactions, reads = DatabaseTransactions(database, PostgresTransaction), PostgresReads(database)
    names, timeout = Names(settings.notification_names_timeout), settings.notification_timeout
    sender = HttpSender(settings.addresses, timeout=timeout, resolve=names)
    secrets, observe = Secrets(settings.signing_key), metrics.attempted
    others, smtp = peers(runtime, settings), settings.smtp
    auth = SecretServiceStub(others.channels.open(settings.auth_addr, peer="auth", timeout=timeout))
    dispatch = Dispatch(sender, secrets, clock, values=SecretValues(auth.ResolveSecrets), letters=Letters(), mail=smtp)
    once = Deliver(transactions, dispatch, Backoff(()), clock, observe=observe)
    servicer = NotificationServicer(
        update_preferences=UpdatePreferences(transactions, reads, sender, clock, mailing=smtp is not None),
        create_rule=CreateRule(transactions, sender, clock, mailing=smtp is not None),
        update_rule=UpdateRule(transactions, reads, sender, clock, mailing=smtp is not None),
        delete_rule=DeleteRule(transactions),
        mark_read=MarkRead(transactions, clock),
        try_channel=TryChannel(transactions, once, settings.notification_lease, clock),
        queries=Queries(reads, secrets),
    )
    backoff, breaker, ended = Backoff(settings.delays), settings.breaker, _has_ended(others.identity.withdrawals)
    deliver = Deliver(transactions, dispatch, backoff, clock, observe=observe, breaker=breaker, ended=ended)
    worker = Worker(PostgresClaims(database, settings.notification_per_host), deliver, settings.worker)
    others.identity.withdrawals.subscribe(lambda: worker.end(lambda lease: ended(lease.notification)))
    notify = Notify(transactions, reads, templates.load(), clock)
    on_events = consumers.handler(AddMembers(transactions), EndMembers(transactions), notify, metrics.notified)

    server = _server(runtime, settings, bus, others)
    server.add(add_NotificationServiceServicer_to_server, servicer)
    server.add(add_MailServiceServicer_to_server, open_mail(runtime, settings, database, metrics, smtp))

    runtime.keep("streams", lambda: bus.ensure(_STREAMS, (consumers.EVENTS,)))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.keep("events", lambda: bus.consume(consumers.EVENTS, on_events))
    runtime.keep("deliveries", worker.run)
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, others.ended))
    _prune(runtime, database, settings)
    await runtime.serve(server)


def _prune(runtime: Runtime, database: Database, settings: Settings) -> None:
    archive = PostgresArchive(database)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=(consumers.EVENTS,)).prune)
    runtime.every(PRUNE_EVERY, "notifications", Retention(archive, runtime.clock, settings.retained))
    runtime.every(PRUNE_EVERY, "hosts", ForgetHosts(archive))


def _server(runtime: Runtime, settings: Settings, bus: NatsBus, others: Peers) -> Server:
    return Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        policy=ServerPolicy.of(settings),
        reflection=settings.reflection,
    )


def _has_ended(withdrawals: Withdrawals) -> Callable[[Notification], bool]:
    """Whether the person, or everybody of the team, may not come in any more."""

    def ended(notification: Notification) -> bool:
        return withdrawals.gone(USER, notification.recipient) or withdrawals.gone(TEAM, notification.team)

    return ended


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
