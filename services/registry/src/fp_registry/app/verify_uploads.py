"""Measure large uploads in the background."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from fp_kernel import Clock, Error, FailedPrecondition
from fp_telemetry import correlation_id, extract, get_logger, span

from fp_registry.app.judgement import Refused, SizeLimits, Verdict, judge, mismatch, settle, upload_missing
from fp_registry.app.ports import (
    Artifacts,
    Contents,
    Observe,
    Records,
    Transactions,
    Verification,
    Verifications,
)
from fp_registry.domain.artifact import Measured, upload_key
from fp_registry.domain.stages import Status
from fp_registry.domain.version import Version, is_served

LEASE = timedelta(seconds=30)
_POLL = 2.0
_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=10)
_MAX_DOUBLINGS = 10

_GONE_REASON = upload_missing().reason
_GONE = Refused("the uploaded artifact was gone before it could be measured")

_log = get_logger(__name__)


class VerifyUploads:
    """A worker; any number may run, each upload is measured by one of them at a time.

    A worker that dies loses its lease, and another one starts that upload from the beginning.
    """

    def __init__(
        self,
        queue: Verifications,
        *,
        transactions: Transactions,
        records: Records,
        artifacts: Artifacts,
        contents: Contents,
        clock: Clock,
        wake: asyncio.Event,
        observe: Observe,
        limits: SizeLimits,
    ) -> None:
        """wake: set when there is something to verify. observe: `ready`, `refused` or `retried`."""
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
                _log.warning("cannot look for uploads to verify", kind=error.kind)
                worked = False
            if not worked:
                await self._idle()

    async def once(self) -> bool:
        """Verify one upload; False when none waits."""
        self._wake.clear()
        wish = await self._queue.take(LEASE)
        if wish is None:
            return False
        token = correlation_id.set(wish.correlation_id)
        try:
            with span("verify upload", parent=extract(wish.trace)):
                await self._verify(wish)
        except Error as error:
            delay = min(_FIRST_DELAY * 2 ** min(wish.attempts, _MAX_DOUBLINGS), _LONGEST_DELAY)
            _log.warning("upload not verified yet", version_id=wish.version_id, kind=error.kind, again_in=str(delay))
            self._observe("retried")
            await self._queue.put_back(wish.version_id, delay)
        finally:
            correlation_id.reset(token)
        return True

    async def _verify(self, wish: Verification) -> None:
        version = await self._records.version(wish.team, wish.version_id)
        verdict = None
        if version is not None and version.status is Status.PENDING_UPLOAD:
            verdict = await self._held(wish, version)
        await self._settle(wish, verdict)
        self._observe("ready" if verdict and not isinstance(verdict, Refused) else "refused")
        await self._artifacts.discard(upload_key(wish.version_id))

    async def _held(self, wish: Verification, version: Version) -> Verdict:
        """Measure while another task renews the lease."""
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(self._keep(wish.version_id))
            # A value and not an exception: the group would wrap it.
            outcome = await self._judge(wish, version)
            keeper.cancel()
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    async def _judge(self, wish: Verification, version: Version) -> Verdict | Error:
        try:
            upload = await self._artifacts.look(version.artifact_path)
            if upload is None:
                return _GONE
            return await judge(
                self._artifacts,
                self._contents,
                version,
                upload,
                served=is_served(await self._records.framework(version.team, version.model_id)),
                expected_digest=wish.expected_digest,
                limits=self._limits,
                longest=self._limits.artifact,
            )
        except FailedPrecondition as refusal:
            return _GONE if refusal.reason == _GONE_REASON else Refused(refusal.message)
        except Error as error:
            return error

    async def _settle(self, wish: Verification, verdict: Verdict | None) -> None:
        async with self._transactions() as tx:
            version = await tx.version(wish.team, wish.version_id)
            # A second confirmation may have named a digest while this worker was reading.
            verdict = _as_expected(verdict, await tx.expected_digest(wish.version_id))
            try:
                await settle(
                    tx,
                    wish.team,
                    wish.version_id,
                    verdict,
                    expected_digest="",
                    by=wish.requested_by,
                    now=self._clock.now(),
                )
            except FailedPrecondition:
                # Archived since: nobody waits for the artifact any more.
                _log.info("version was archived before its upload was verified", version_id=wish.version_id)
            if version is not None:
                await tx.verified(version)

    async def _keep(self, version_id: str) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with suppress(Error):
                await self._queue.keep(version_id, LEASE)

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL):
                await self._wake.wait()


def _as_expected(verdict: Verdict | None, expected_digest: str) -> Verdict | None:
    if isinstance(verdict, Measured) and expected_digest not in ("", verdict.digest):
        return mismatch(verdict.digest, expected_digest)
    return verdict
