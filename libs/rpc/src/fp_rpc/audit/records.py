"""Audit records: who did what, and who was refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from fp_kernel import new_id
from fp_telemetry import get_logger

_log = get_logger("fp_rpc.audit")


class AuditLevel(Enum):
    NEVER = "never"
    ON_DENY = "on_deny"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One call. `suppressed`: further denials of the same kind that were counted and not recorded one by one."""

    method: str
    status: str
    actor_id: str = ""
    actor_role: str = ""
    api_key_id: str = ""
    team: str = ""
    resource_id: str = ""
    peer: str = ""
    correlation_id: str = ""
    suppressed: int = 0
    id: str = field(default_factory=new_id)
    occurred_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class AuditSink(Protocol):
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
