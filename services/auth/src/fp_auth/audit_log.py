"""The audit log, put together: what records calls, keeps the chain's head elsewhere, and answers who asks."""

from datetime import timedelta

from fp_events import AuditPublisher, Bus
from fp_postgres import Database
from fp_postgres.partitions import Partitioned, Partitions
from fp_runtime import Runtime
from fp_s3.hosting import soft_objects

from fp_auth.adapters.audit_sink import DiscreetAudit
from fp_auth.adapters.checkpoints import ObjectCheckpoints
from fp_auth.adapters.postgres.audit import PostgresAuditReads, PostgresAuditTransactions
from fp_auth.api.audit_grpc import AuditServicer
from fp_auth.api.consumers import AUDIT_LOG, record_audit
from fp_auth.app.checkpoint_audit import CheckpointAudit
from fp_auth.app.erase_audit_addresses import EraseAuditAddresses
from fp_auth.app.read_audit import ExportAudit, ListAudit, VerifyAudit
from fp_auth.app.record_audit import RecordAudit
from fp_auth.domain.audit import OBJECTS, Chain
from fp_auth.settings import AuthSettings

_HOURLY = 3_600.0
_LOOK = 60.0  # seconds between two looks whether a checkpoint is due
_BITE = 1_000


def own_audit(settings: AuthSettings, bus: Bus) -> DiscreetAudit:
    """Where auth's own server reports its calls."""
    return DiscreetAudit(AuditPublisher(bus), Chain(settings.audit_key).typed)


async def open_audit_log(runtime: Runtime, settings: AuthSettings, database: Database, bus: Bus) -> AuditServicer:
    """Entries can be written when this returns; the consumer runs once the streams are there."""
    clock, metrics, retention = runtime.clock, runtime.metrics, settings.audit_kept
    chain = Chain(settings.audit_key)
    reads = PostgresAuditReads(database)
    checkpoints = ObjectCheckpoints(await soft_objects(runtime, settings, own=OBJECTS), chain)
    partitions = Partitions(
        database, Partitioned("audit_entries", by="date", each="month", ahead=2, behind=0, retention=retention)
    )
    await partitions.ensure(clock.now())

    recorded = metrics.counter("audit_entries_total", "Entries added to the audit log.")
    put_at = metrics.gauge("audit_checkpoint_seconds", "Unix time of the last checkpoint that this process put.")
    record = RecordAudit(PostgresAuditTransactions(database), chain, clock, consumer=AUDIT_LOG.name)
    period = timedelta(seconds=settings.auth_checkpoint_seconds)
    checkpoint = CheckpointAudit(reads, checkpoints, clock, every=period)

    async def store_head() -> None:
        await checkpoint()
        if checkpoint.put_at is not None:
            put_at.set(checkpoint.put_at.timestamp())

    async def forget() -> None:
        await partitions.ensure(clock.now())
        await partitions.drop(clock.now())
        await checkpoint.forget(retention)
        while await reads.forget_nobodys_keys(clock.now() - retention, _BITE) == _BITE:
            pass

    runtime.keep("audit log", lambda: bus.consume(AUDIT_LOG, record_audit(record, recorded.inc)))
    runtime.every(min(_LOOK, settings.auth_checkpoint_seconds), "audit checkpoints", store_head)
    runtime.every(_HOURLY, "retention of the audit log", forget)
    return AuditServicer(
        list_entries=ListAudit(reads),
        export=ExportAudit(reads, clock),
        verify=VerifyAudit(reads, checkpoints, chain, clock),
        erase=EraseAuditAddresses(reads),
    )
