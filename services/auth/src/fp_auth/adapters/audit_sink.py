"""What auth itself reports to the audit log."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from fp_kernel.audit import AuditRecord
from fp_rpc import AuditSink

from fp_auth.domain.audit import names_nobody

# Their requests name a person by his own name.
_OF_PEOPLE: Final = frozenset(("CreateUser", "UpdateProfile", "AcceptInvitation"))


class DiscreetAudit:
    """`fp_rpc.AuditSink`. A login names an address, an account the name of a person: in clear they would stay in the
    stream for months after the account was deleted, and in the log, which nobody may rewrite. Digests stay comparable.

    typed: the digest of a text that somebody typed.
    """

    def __init__(self, sink: AuditSink, typed: Callable[[str], str]) -> None:
        self._sink = sink
        self._typed = typed

    async def record(self, records: Sequence[AuditRecord]) -> None:
        await self._sink.record([self._discreet(each) for each in records])

    def _discreet(self, record: AuditRecord) -> AuditRecord:
        of_people = record.method.rpartition("/")[2] in _OF_PEOPLE
        if names_nobody(record.resource_id, of_people=of_people):
            return record
        return replace(record, resource_id=self._typed(record.resource_id))
