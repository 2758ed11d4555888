"""Billing, put together."""

from dataclasses import replace

import fp_runtime
from forgepoint.billing.v1.billing_pb2_grpc import add_BillingServiceServicer_to_server
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT, AUTH, BILLING, INFERENCE, MODELS, PIPELINES, USAGE
from fp_kernel import Clock
from fp_postgres import PRUNE_EVERY, DatabaseTransactions, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_rpc import Server, ServerPolicy
from fp_rpc.hosting import peers
from fp_runtime import Runtime

from fp_billing import retention
from fp_billing.adapters.postgres.reads import PostgresReads
from fp_billing.adapters.postgres.reconciliation import PostgresBooks
from fp_billing.adapters.postgres.transactions import PostgresTransaction, postgres_transactions
from fp_billing.api import consumers
from fp_billing.api.grpc import BillingServicer
from fp_billing.app.assign_rate_plan import AssignRatePlan
from fp_billing.app.create_adjustment import CreateAdjustment
from fp_billing.app.create_rate_plan import CreateRatePlan
from fp_billing.app.issue_invoices import IssueInvoices
from fp_billing.app.meter_storage import MeterStorage
from fp_billing.app.publish_usage import PublishUsage
from fp_billing.app.queries import Queries
from fp_billing.app.reconcile import Reconcile
from fp_billing.app.record_usage import RecordEvents, RecordUsage
from fp_billing.app.settle_invoice import SettleInvoice
from fp_billing.metrics import Metrics
from fp_billing.settings import Settings

NOUN = "billing"
_STREAMS = (BILLING, USAGE, INFERENCE, PIPELINES, MODELS, AUDIT, AUTH)


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, metrics = runtime.clock, runtime.metrics
    seen = Metrics(metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)

    months = await retention.start(runtime, database, settings)
    transactions, reads = postgres_transactions(database, months), PostgresReads(database)
    record_events = RecordEvents(transactions, clock, settings.grace)

    others = peers(runtime, settings)
    audit, policy = AuditPublisher(bus), ServerPolicy.of(settings)
    server = Server(
        NOUN, resolver=others.identity, metrics=metrics, audit=audit, policy=policy, reflection=settings.reflection
    )
    server.add(add_BillingServiceServicer_to_server, _servicer(settings, transactions, reads, clock))

    usage = replace(consumers.USAGE, linger=settings.billing_linger)
    taken = (usage, consumers.RESOURCES)
    meter, meter_resources = (consumers.meter(each, record_events, seen.metered) for each in taken)
    runtime.keep("streams", lambda: bus.ensure(_STREAMS, taken))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=taken).prune)
    runtime.keep("usage events", lambda: bus.consume(usage, meter))
    runtime.keep("resource events", lambda: bus.consume(consumers.RESOURCES, meter_resources))
    reconcile = Reconcile(
        PostgresBooks(database), reads, clock, retained=settings.reconciliation_retained, observe=seen.unreconciled
    )
    runtime.every(settings.billing_reconcile_seconds, "reconciliation", reconcile)
    _start_schedules(runtime, settings, transactions, reads, seen)
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, others.ended))
    await runtime.serve(server)


def _servicer(
    settings: Settings, transactions: DatabaseTransactions[PostgresTransaction], reads: PostgresReads, clock: Clock
) -> BillingServicer:
    return BillingServicer(
        record_usage=RecordUsage(transactions, clock, settings.grace),
        create_rate_plan=CreateRatePlan(transactions, clock),
        assign_rate_plan=AssignRatePlan(transactions, clock),
        settle_invoice=SettleInvoice(transactions, reads, clock, settings.due_in),
        create_adjustment=CreateAdjustment(transactions, clock),
        queries=Queries(reads, clock),
        clock=clock,
    )


def _start_schedules(
    runtime: Runtime,
    settings: Settings,
    transactions: DatabaseTransactions[PostgresTransaction],
    reads: PostgresReads,
    seen: Metrics,
) -> None:
    """Periodic work: publication of usage, months of storage, invoices."""
    clock, grace, every = runtime.clock, settings.grace, settings.billing_invoice_seconds
    invoicing = IssueInvoices(
        transactions, reads, clock=clock, grace=grace, due_in=settings.due_in, observe=seen.invoiced
    )
    runtime.every(settings.billing_tell_seconds, "publication of usage", PublishUsage(transactions, reads, clock))
    runtime.every(every, "storage", MeterStorage(transactions, reads, clock=clock, grace=grace))
    runtime.every(every, "invoices", invoicing)
    runtime.every(every, "overdue invoices", invoicing.fall_due)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
