"""Reading the audit log and checking it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from fp_kernel import Clock, Page, PageRequest, invalid, next_token

from fp_auth.app.audit_ports import AuditReads, Checkpoints, Wanted
from fp_auth.domain.audit import Break, Chain, Checkpoint, Entry, Head, Verification


@dataclass(frozen=True, slots=True)
class Verified:
    """broken: None for a day that is intact."""

    day: date
    entries: int
    checkpoints: int
    broken: Break | None


class ListAudit:
    def __init__(self, reads: AuditReads) -> None:
        self._reads = reads

    async def __call__(self, wanted: Wanted, page: PageRequest, *, scope: Sequence[str]) -> Page[Entry]:
        """The newest first. Raises InvalidArgument naming `method` when it is asked of all teams at once."""
        if wanted.method and not (wanted.team or wanted.actor_id or wanted.resource_id):
            raise invalid("method", "name a team, an actor or a resource as well")
        found = await self._reads.page(wanted, _position(page), page.size + 1)
        shown = tuple(found[: page.size])
        more = len(found) > page.size
        token = next_token((shown[-1].day.isoformat(), str(shown[-1].number)), scope=scope) if more else ""
        return Page(shown, token)


class ExportAudit:
    def __init__(self, reads: AuditReads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock

    async def __call__(self, first: date | None, last: date | None, team: str) -> AsyncIterator[Sequence[Entry]]:
        """In the order of the chain, in bites. None is today. Raises InvalidArgument when the days are out of order."""
        today = self._clock.now().astimezone(UTC).date()
        first, last = first or today, last or today
        _in_order(first, last)
        for head in await self._reads.heads(first, last):
            async for entries in self._reads.entries(head.day, team):
                yield entries


class VerifyAudit:
    def __init__(self, reads: AuditReads, checkpoints: Checkpoints, chain: Chain, clock: Clock) -> None:
        self._reads = reads
        self._checkpoints = checkpoints
        self._chain = chain
        self._clock = clock

    async def __call__(self, first: date | None, last: date | None) -> AsyncIterator[Verified]:
        """One answer a day that the database or a checkpoint knows of. None: the first that either has, and today.

        Raises Unavailable when the database or the object store is away: without both nothing is verified.
        """
        today = self._clock.now().astimezone(UTC).date()
        last = last or today
        checkpoints = await self._checkpoints.of(first or date.min, last)
        if first is None:
            # Retention takes a day's checkpoints with its entries: one that is left alone shows that somebody else
            # took them.
            first = min([await self._reads.first_stored() or today, *(checkpoint.day for checkpoint in checkpoints)])
        _in_order(first, last)
        heads = {head.day: head for head in await self._reads.heads(first, last)}
        before = await self._reads.head_before(first)
        for day in sorted(heads.keys() | {checkpoint.day for checkpoint in checkpoints}):
            known = [checkpoint for checkpoint in checkpoints if checkpoint.day == day]
            head = heads.get(day)
            if head is None:
                yield Verified(day, 0, 0, Break(0, f"is gone; a checkpoint knows of {known[-1].number} entries"))
                continue
            yield await self._day(head, before, known)
            before = head

    async def _day(self, head: Head, before: Head | None, checkpoints: Sequence[Checkpoint]) -> Verified:
        verification = Verification(self._chain, head, before, checkpoints)
        async for entries in self._reads.entries(head.day, ""):
            verification.read(entries)
        broken = verification.end()
        return Verified(head.day, verification.entries, verification.agreed, broken)


def _position(page: PageRequest) -> tuple[date, int] | None:
    if page.after is None:
        return None
    try:
        day, number = page.after
        return date.fromisoformat(day), int(number)
    except ValueError:
        raise invalid("pagination.page_token", "is not a token of this list") from None


def _in_order(first: date, last: date) -> None:
    if first > last:
        raise invalid("to_day", "is before from_day")
    if last - first > timedelta(days=3_660):
        raise invalid("to_day", "is more than ten years after from_day")
