"""Take an uploaded artifact: measure it now when it is small, in the background when it is large."""

import asyncio
from typing import Final

from fp_kernel import Clock, Command, FailedPrecondition, Principal
from fp_telemetry import correlation_id, inject

from fp_registry.app.measure_upload import (
    Confirmed,
    Measurement,
    SizeLimits,
    confirm,
    locked,
    measure_upload,
)
from fp_registry.app.ports import Artifacts, ContentClaims, PendingUpload, Records, Transaction, Transactions
from fp_registry.app.refusals import no_version, upload_missing
from fp_registry.domain import artifact
from fp_registry.domain.stages import Status
from fp_registry.domain.version import Version, check_waits_for_upload


class _Later:
    """The upload is there and will be measured in the background."""


_LATER: Final = _Later()


class ConfirmUpload:
    def __init__(
        self,
        transactions: Transactions,
        *,
        records: Records,
        artifacts: Artifacts,
        contents: ContentClaims,
        clock: Clock,
        wake: asyncio.Event,
        limits: SizeLimits,
    ) -> None:
        self._transactions = transactions
        self._records = records
        self._artifacts = artifacts
        self._contents = contents
        self._clock = clock
        self._wake = wake
        self._limits = limits

    async def __call__(self, version_id: str, expected_digest: str, caller: Principal, command: Command) -> Confirmed:
        """The version READY, FAILED, or still PENDING_UPLOAD while a large artifact is measured.

        Raises NotFound, FailedPrecondition when there is nothing to take.
        """
        expected = artifact.as_digest(expected_digest, "expected_digest")
        measurement = await self._look(version_id, expected, caller)
        async with self._transactions(command) as tx:
            if isinstance(measurement, _Later):
                confirmed = await self._later(tx, version_id, expected, caller)
            else:
                confirmed = await confirm(
                    tx,
                    caller.team,
                    version_id,
                    measurement,
                    expected_digest=expected,
                    by=caller.user_id,
                    now=self._clock.now(),
                )
            await tx.complete(confirmed)
        if isinstance(measurement, _Later):
            self._wake.set()
        elif measurement is not None:
            await self._artifacts.discard(artifact.upload_key(version_id))
        return confirmed

    async def _look(self, version_id: str, expected: str, caller: Principal) -> Measurement | _Later | None:
        """Everything that reads the object store, before the transaction."""
        version = await self._version(version_id, caller)
        if version.status is not Status.PENDING_UPLOAD:
            return None
        check_waits_for_upload(version)
        try:
            return await self._measure(version, expected)
        except FailedPrecondition:
            # A twin of this call may have taken the upload away since.
            if (await self._version(version_id, caller)).status is not Status.PENDING_UPLOAD:
                return None
            raise

    async def _measure(self, version: Version, expected: str) -> Measurement | _Later:
        upload = await self._artifacts.look(version.artifact_path)
        if upload is None:
            raise upload_missing()
        self._limits.check(upload)
        if upload.size_bytes > self._limits.inline:
            return _LATER
        return await measure_upload(
            self._records,
            self._artifacts,
            self._contents,
            version,
            upload,
            expected_digest=expected,
            limits=self._limits,
            longest=self._limits.inline,
        )

    async def _later(self, tx: Transaction, version_id: str, expected: str, caller: Principal) -> Confirmed:
        model, version = await locked(tx, caller.team, version_id)
        if version.status is Status.PENDING_UPLOAD:
            check_waits_for_upload(version)
            trace: dict[str, str] = {}
            inject(trace)
            await tx.uploads.add(
                PendingUpload(version.id, version.team, expected, caller.user_id, correlation_id.get(), trace)
            )
        return Confirmed(model, version)

    async def _version(self, version_id: str, caller: Principal) -> Version:
        version = await self._records.version(caller.team, version_id)
        if version is None:
            raise no_version()
        return version
