"""Audit records: who did what, and who was refused. `fp_rpc` makes them, `fp_events` publishes them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from fp_kernel.errors import Kind
from fp_kernel.ids import new_id

DENIED: Final = frozenset((Kind.UNAUTHENTICATED.value, Kind.PERMISSION_DENIED.value))
"""Statuses of calls whose caller was refused."""


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
