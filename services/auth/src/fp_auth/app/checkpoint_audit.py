"""The head of the chain, put where the database's owner cannot change it."""

from datetime import UTC, datetime, timedelta

from fp_kernel import Clock

from fp_auth.app.audit_ports import AuditReads, Checkpoints
from fp_auth.domain.audit import Checkpoint


class CheckpointAudit:
    """Once a period, by the hour in which the last one was put; any replica, since the same head is the same object."""

    def __init__(self, reads: AuditReads, checkpoints: Checkpoints, clock: Clock, *, every: timedelta) -> None:
        self._reads = reads
        self._checkpoints = checkpoints
        self._clock = clock
        self._every = every
        self._last: Checkpoint | None = None
        self.put_at: datetime | None = None

    async def __call__(self) -> None:
        """Raises Unavailable when the object store is away; the next call tries again."""
        now = self._clock.now()
        head = await self._reads.newest()
        if head is None or head.number == 0:
            return
        checkpoint = Checkpoint(head.day, head.number, head.mac)
        over = self._last is not None and self._last.day < head.day
        if self.put_at is not None and now - self.put_at < self._every and not over:
            return
        if over and (before := await self._reads.head_before(head.day)) is not None:
            # The end of a day is kept by the seed of the next one as well; a checkpoint keeps it without its database.
            await self._checkpoints.put(Checkpoint(before.day, before.number, before.mac))
        if checkpoint != self._last:
            await self._checkpoints.put(checkpoint)
        self._last, self.put_at = checkpoint, now

    async def forget(self, retention: timedelta) -> None:
        """Take away the checkpoints of days whose entries retention has dropped."""
        first = await self._reads.first_stored()
        before = (self._clock.now() - retention).astimezone(UTC).date()
        await self._checkpoints.drop_before(before if first is None else min(before, first))
