"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Sequence

from forgepoint.events.v1.events_pb2 import AuditRecorded, PipelineCompleted, PipelineFailed
from fp_events import Event, EventHandler, Poison, durable
from fp_rpc.times import from_timestamp
from google.protobuf.timestamp_pb2 import Timestamp

from fp_auth.app.end_execution import EndExecution
from fp_auth.app.record_audit import RecordAudit, Reported
from fp_auth.domain.audit import Record, may_report

AUDIT_LOG = durable("auth-audit")
EXECUTIONS = durable("auth-executions")


def record_audit(record: RecordAudit, observe: Callable[[int], object]) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`fp.audit.recorded` -> entries of the audit log, one transaction a batch. observe: hears how many were new."""

    async def handle(events: Sequence[Event]) -> None:
        observe(await record([_reported(event) for event in events]))

    return handle


def end_execution(end: EndExecution) -> EventHandler:
    """`fp.pipelines.completed` and `.failed` -> the end of the tokens of the execution's jobs."""

    async def handle(event: Event) -> None:
        if not isinstance(event.payload, (PipelineCompleted, PipelineFailed)):
            raise Poison("is no end of an execution")
        await end(event.payload.execution_id, event.team)

    return handle


def _reported(event: Event) -> Reported:
    payload = event.payload
    if not isinstance(payload, AuditRecorded):
        raise Poison("is no record of a call")
    if not may_report(event.source, payload.method, payload.status):
        raise Poison(f"{event.source} reports a call of another service", reason="NOT_ITS_CALL")
    record = Record(
        id=event.id,
        occurred_at=from_timestamp(payload.occurred_at, "occurred_at")
        if payload.occurred_at != Timestamp()
        else event.time,
        team=event.team,
        service=event.source,
        method=payload.method,
        actor_id=payload.actor_id,
        actor_role=payload.actor_role,
        api_key_id=payload.api_key_id,
        status=payload.status,
        resource_id=payload.resource_id,
        address=b"",
        suppressed=payload.suppressed,
        correlation_id=event.correlation_id,
    )
    return Reported(record, payload.peer)
