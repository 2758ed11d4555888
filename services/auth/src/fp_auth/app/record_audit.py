"""Audited calls that services published -> entries at the end of the chain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from fp_kernel import Clock

from fp_auth.app.audit_ports import AuditTransactions
from fp_auth.domain.audit import Chain, Record, address_digest, person_of, resource_of


@dataclass(frozen=True, slots=True)
class Reported:
    """A record as a service reported it, and the caller's address in clear."""

    record: Record
    address: str


class RecordAudit:
    def __init__(self, transactions: AuditTransactions, chain: Chain, clock: Clock, *, consumer: str) -> None:
        """consumer: the durable, whose inbox remembers what was recorded."""
        self._transactions = transactions
        self._chain = chain
        self._clock = clock
        self._consumer = consumer

    async def __call__(self, batch: Sequence[Reported]) -> int:
        """Each record once, in the order of the batch and in one transaction; how many were new.

        Replicas take turns at the head, so that there is one chain whoever appends to it.
        """
        now = self._clock.now()
        today = now.astimezone(UTC).date()
        async with self._transactions() as tx:
            fresh = await tx.fresh(self._consumer, [reported.record.id for reported in batch])
            new = [reported for reported in batch if reported.record.id in fresh]
            if not new:
                return 0
            persons = sorted({person_of(reported.record.actor_id, today) for reported in new if reported.address})
            keys = await tx.address_keys(persons, now)
            records = []
            for reported in new:
                record = reported.record
                key = keys.get(person_of(record.actor_id, today), b"")
                resource = resource_of(
                    record.resource_id, status=record.status, actor_id=record.actor_id, chain=self._chain
                )
                records.append(replace(record, resource_id=resource, address=address_digest(key, reported.address)))
            begun = self._chain.begin(today)
            entries, head = self._chain.extend(await tx.head(begun.day, begun.seed), records, now)
            await tx.append(entries, head)
        return len(new)
