"""Measure large uploads in the background."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from fp_kernel import Clock, Error, FailedPrecondition
from fp_telemetry import correlation_id, extract, get_logger, span

from fp_registry.app.measure_upload import (
    Accepted,
    Measurement,
    Refused,
    SizeLimits,
    confirm,
    measure_upload,
    mismatch,
)
from fp_registry.app.ports import Artifacts, ContentClaims, Observe, PendingUpload, Records, Transactions, UploadQueue
from fp_registry.app.refusals import upload_missing
from fp_registry.domain.artifact import upload_key
from fp_registry.domain.stages import Status
from fp_registry.domain.version import Version

LEASE = timedelta(seconds=30)
_POLL = 2.0
_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=10)
_MAX_DOUBLINGS = 10

_GONE_REASON = upload_missing().reason
_GONE = Refused("the uploaded artifact was gone before it could be measured")

_log = get_logger(__name__)


class MeasureUploads:
    """A worker; any number may run, each upload is measured by one of them at a time.

    A worker that dies loses its lease, and another one starts that upload from the beginning.
    """

    def __init__(
        self,
        queue: UploadQueue,
        *,
        transactions: Transactions,
        records: Records,
        artifacts: Artifacts,
        contents: ContentClaims,
        clock: Clock,
        wake: asyncio.Event,
        observe: Observe,
        limits: SizeLimits,
    ) -> None:
        """wake: set when there is something to measure. observe: `ready`, `refused` or `retried`."""
        self._queue = queue
        self._transactions = transactions
        self._records = records
        self._artifacts = artifacts
        self._contents = contents
        self._clock = clock
        self._wake = wake
        self._observe = observe
        self._limits = limits

    async def run(self) -> None:
        """Until cancelled; outages of the stores are waited out."""
        while True:
            try:
                worked = await self.once()
            except Error as error:
                _log.warning("cannot look for uploads to measure", kind=error.kind)
                worked = False
            if not worked:
                await self._idle()

    async def once(self) -> bool:
        """Measure one upload; False when none waits."""
        self._wake.clear()
        pending = await self._queue.take(LEASE)
        if pending is None:
            return False
        token = correlation_id.set(pending.correlation_id)
        try:
            with span("verify upload", parent=extract(pending.trace)):
                await self._measure_and_confirm(pending)
        except Error as error:
            delay = min(_FIRST_DELAY * 2 ** min(pending.attempts, _MAX_DOUBLINGS), _LONGEST_DELAY)
            _log.warning("upload not measured yet", version_id=pending.version_id, kind=error.kind, again_in=str(delay))
            self._observe("retried")
            await self._queue.put_back(pending.version_id, delay)
        finally:
            correlation_id.reset(token)
        return True

    async def _measure_and_confirm(self, pending: PendingUpload) -> None:
        version = await self._records.version(pending.team, pending.version_id)
        measurement = None
        if version is not None and version.status is Status.PENDING_UPLOAD:
            measurement = await self._held(pending, version)
        await self._confirm(pending, measurement)
        self._observe("ready" if measurement and not isinstance(measurement, Refused) else "refused")
        await self._artifacts.discard(upload_key(pending.version_id))

    async def _held(self, pending: PendingUpload, version: Version) -> Measurement:
        """Measure while another task renews the lease."""
        async with asyncio.TaskGroup() as group:
            renewal = group.create_task(self._renew_lease(pending.version_id))
            # A value and not an exception: the group would wrap it.
            outcome = await self._measure_held(pending, version)
            renewal.cancel()
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    async def _measure_held(self, pending: PendingUpload, version: Version) -> Measurement | Error:
        try:
            upload = await self._artifacts.look(version.artifact_path)
            if upload is None:
                return _GONE
            return await measure_upload(
                self._records,
                self._artifacts,
                self._contents,
                version,
                upload,
                expected_digest=pending.expected_digest,
                limits=self._limits,
                longest=self._limits.artifact,
            )
        except FailedPrecondition as refusal:
            return _GONE if refusal.reason == _GONE_REASON else Refused(refusal.message)
        except Error as error:
            return error

    async def _confirm(self, pending: PendingUpload, measurement: Measurement | None) -> None:
        async with self._transactions() as tx:
            version = await tx.versions.find(pending.team, pending.version_id)
            # A second confirmation may have named a digest while this worker was reading.
            measurement = _as_expected(measurement, await tx.uploads.expected_digest(pending.version_id))
            try:
                await confirm(
                    tx,
                    pending.team,
                    pending.version_id,
                    measurement,
                    expected_digest="",
                    by=pending.requested_by,
                    now=self._clock.now(),
                )
            except FailedPrecondition:
                # Archived since: nobody waits for the artifact any more.
                _log.info("version was archived before its upload was measured", version_id=pending.version_id)
            if version is not None:
                await tx.uploads.remove(version.id)

    async def _renew_lease(self, version_id: str) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with suppress(Error):
                await self._queue.extend(version_id, LEASE)

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL):
                await self._wake.wait()


def _as_expected(measurement: Measurement | None, expected_digest: str) -> Measurement | None:
    if isinstance(measurement, Accepted) and expected_digest not in ("", measurement.measured.digest):
        return mismatch(measurement.measured.digest, expected_digest)
    return measurement
