"""VALIDATE: is the version there, whole, and fit to be deployed?"""

import asyncio

from fp_pipeline.app.attempt import Attempt, Outcome, StepFailed
from fp_pipeline.app.peers import ModelVersion, Stage, Versions, VersionStatus
from fp_pipeline.domain.definition import JsonObject


class Validate:
    def __init__(self, versions: Versions, *, pause: float) -> None:
        """pause: seconds between looks at a version whose upload is not confirmed yet."""
        self._versions = versions
        self._pause = pause

    async def run(self, attempt: Attempt) -> Outcome:
        found = await self._settled(attempt)
        label = f"version {found.version} of '{found.model_name}'"
        if found.status is VersionStatus.FAILED:
            raise StepFailed(f"{label} is FAILED: {found.failure_reason or 'no reason given'}", final=True)
        if found.archived:
            raise StepFailed(f"model '{found.model_name}' is archived", final=True)
        if found.stage is Stage.ARCHIVED:
            raise StepFailed(f"{label} is archived", final=True)
        if not found.digest:
            raise StepFailed(f"{label} has no digest", final=True)
        return Outcome(
            {
                "model": found.model_name,
                "model_id": found.model_id,
                "version": found.version,
                "version_id": found.version_id,
                "digest": found.digest,
                "stage": found.stage.value,
            }
        )

    async def compensate(self, attempt: Attempt) -> JsonObject:  # noqa: ARG002 -- looking changes nothing
        return {}

    async def _settled(self, attempt: Attempt) -> ModelVersion:
        model, version = attempt.model_ref, attempt.input_text("version")
        while True:
            found = await self._versions.version(attempt.actor, model, version)
            if found.status is not VersionStatus.PENDING_UPLOAD:
                return found
            attempt.waits_for = f"the upload of version {version} of '{model}'"
            await asyncio.sleep(self._pause)
