"""Audit records on their way to the audit log."""

from datetime import datetime
from typing import Protocol

from fp_events.bus import Bus


class AuditRecord(Protocol):
    """One call that the audit level of its RPC names; see `forgepoint.events.v1.AuditRecorded`."""

    @property
    def method(self) -> str: ...
    @property
    def team(self) -> str: ...
    @property
    def actor_id(self) -> str: ...
    @property
    def actor_role(self) -> str: ...
    @property
    def api_key_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def resource_id(self) -> str: ...
    @property
    def peer(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def suppressed(self) -> int: ...
    @property
    def occurred_at(self) -> datetime: ...


class AuditPublisher:
    """Turns audit records into `fp.audit.recorded` events; satisfies `fp_rpc`'s audit sink."""

    def __init__(self, bus: Bus, *, capacity: int = 10_000) -> None:
        """capacity: records that wait for the bus; beyond it records are logged in full and counted, not queued."""
        self._bus = bus
        self._capacity = capacity

    def record(self, record: AuditRecord) -> None:
        """Never blocks, never raises."""
        raise NotImplementedError

    async def run(self) -> None:
        """Publish until cancelled; then publish what is queued (bounded)."""
        raise NotImplementedError
