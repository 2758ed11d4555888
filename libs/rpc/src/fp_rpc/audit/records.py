"""Where audit records go, and which calls make one."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from fp_kernel.audit import AuditRecord
from fp_telemetry import get_logger

_log = get_logger("fp_rpc.audit")


class AuditLevel(Enum):
    """Which calls of a method are recorded: none, those that were refused, or all."""

    NEVER = "never"
    ON_DENY = "on_deny"
    ALWAYS = "always"


class AuditSink(Protocol):
    """Where audit records go; called by one task at a time, beside the calls."""

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Store these records. When it raises, the same records come again: their `id` makes that harmless."""
        ...


class NoAudit:
    """Stores nothing: for tests and programs that are no service."""

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Nothing to do."""


class LogAudit:
    """Writes records as log lines: for a server without a bus."""

    async def record(self, records: Sequence[AuditRecord]) -> None:
        for record in records:
            write_line(record)


def write_line(record: AuditRecord) -> None:
    _log.info(
        "audit",
        id=record.id,
        method=record.method,
        status=record.status,
        actor_id=record.actor_id,
        actor_role=record.actor_role,
        api_key_id=record.api_key_id,
        team=record.team,
        resource_id=record.resource_id,
        peer=record.peer,
        call_correlation_id=record.correlation_id,
        suppressed=record.suppressed,
        occurred_at=record.occurred_at,
    )
