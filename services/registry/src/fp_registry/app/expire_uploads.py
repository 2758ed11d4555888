"""Give up on versions whose artifact never came, so that neither they nor half an upload stay for ever."""

from datetime import timedelta

from fp_kernel import Clock

from fp_registry.app.measure_upload import Refused, confirm, locked
from fp_registry.app.ports import Artifacts, Records, Transactions
from fp_registry.domain.artifact import upload_key
from fp_registry.domain.stages import Status

_AT_ONCE = 100


class ExpireUploads:
    """patience: how long a version may wait for its artifact. A URL to upload to lives an hour at most."""

    def __init__(
        self, transactions: Transactions, records: Records, artifacts: Artifacts, *, clock: Clock, patience: timedelta
    ) -> None:
        self._transactions = transactions
        self._records = records
        self._artifacts = artifacts
        self._clock = clock
        self._patience = patience

    async def __call__(self) -> int:
        """Fail those that waited too long, oldest first; how many. Raises Unavailable."""
        before, expired = self._clock.now() - self._patience, 0
        while waiting := await self._records.waiting_since_before(before, _AT_ONCE):
            for team, version_id in waiting:
                await self._expire(team, version_id)
            expired += len(waiting)
        return expired

    async def _expire(self, team: str, version_id: str) -> None:
        reason = Refused(f"no artifact was confirmed within {self._patience.days} days")
        async with self._transactions() as tx:
            _, version = await locked(tx, team, version_id)
            if version.status is Status.PENDING_UPLOAD:
                await confirm(
                    tx, team, version_id, reason, expected_digest="", by=version.created_by, now=self._clock.now()
                )
        await self._artifacts.discard(upload_key(version_id))
