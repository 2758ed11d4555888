"""Audit records on their way to the audit log."""

from collections.abc import Sequence

from forgepoint.events.v1.events_pb2 import AuditRecorded
from fp_kernel.audit import DENIED, AuditRecord
from fp_kernel.times import seconds_and_nanos

from fp_events.bus import Bus
from fp_events.message.event import Event, Severity

RECORDED = "fp.audit.recorded"


class AuditPublisher:
    """The audit sink of a service: each record becomes an event, whose id is the record's.

    `fp_rpc` queues the records, bounded, and gives them again when `record` raises; the same id makes that harmless.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Returns when the bus has them all. Raises the error of the first that it has not."""
        published = await self._bus.publish([_event(record) for record in records])
        for error in published.failed.values():
            raise error


def _event(record: AuditRecord) -> Event:
    payload = AuditRecorded(
        method=record.method,
        actor_id=record.actor_id,
        actor_role=record.actor_role,
        status=record.status,
        resource_id=record.resource_id,
        peer=record.peer,
        suppressed=record.suppressed,
        api_key_id=record.api_key_id,
    )
    payload.occurred_at.seconds, payload.occurred_at.nanos = seconds_and_nanos(record.occurred_at)
    return Event(
        type=RECORDED,
        payload=payload,
        team=record.team,
        resource_id=record.resource_id,
        summary=f"{record.actor_id or 'somebody'} called {record.method}: {record.status}",
        actor=record.actor_id,
        severity=Severity.WARNING if record.status in DENIED else Severity.INFO,
        id=record.id,
        time=record.occurred_at,
        correlation_id=record.correlation_id,
    )
