"""REGISTER: what a training step made becomes a version of a model."""

import asyncio
from collections.abc import Mapping

from fp_kernel import PermissionDenied

from fp_pipeline.app.attempt import Attempt, Outcome, StepFailed
from fp_pipeline.app.peers import (
    ArtifactStore,
    ModelDraft,
    ModelVersion,
    Promotions,
    Registrations,
    Stage,
    Upload,
    VersionDraft,
    VersionStatus,
)
from fp_pipeline.domain.config import RegisterConfig
from fp_pipeline.domain.definition import JsonObject

# A baseline profile is at most 256 KiB serialised; as JSON text it is some times that.
_MAX_PROFILE_BYTES = 2 * 1_024 * 1_024


class Register:
    def __init__(
        self, registry: Registrations, promotions: Promotions, artifacts: ArtifactStore, *, pause: float
    ) -> None:
        """pause: seconds between looks at a version whose artifact is being measured."""
        self._registry = registry
        self._promotions = promotions
        self._artifacts = artifacts
        self._pause = pause

    async def run(self, attempt: Attempt) -> Outcome:
        config = attempt.config
        if not isinstance(config, RegisterConfig):
            raise StepFailed("config is not that of a registration", final=True)
        artifact = _key(attempt, config.artifact)
        model = config.model or attempt.input_text("model")
        draft = ModelDraft(model, config.framework, config.task_type, config.description)
        model_id = await self._registry.ensure_model(attempt.actor, draft, attempt.name.step_key("model"))
        version = VersionDraft(
            model_id=model_id,
            run_id=attempt.execution.id,
            description=config.description,
            metrics=_metrics(attempt, config),
            profile=await self._profile(attempt, config),
        )
        # The key is that of the step: however many attempts it takes, it makes one version.
        upload = await self._registry.create_version(attempt.actor, version, attempt.name.step_key("version"))
        found = await self._uploaded(attempt, upload, artifact)
        return Outcome(
            {"model": model, "model_id": model_id, "version": upload.version, "version_id": found.version_id}
        )

    async def compensate(self, attempt: Attempt) -> JsonObject:
        """A finished version is archived; one that was never finished has nothing that anyone could use."""
        version_id = str(attempt.step.output.get("version_id", ""))
        if version_id:
            await self._promotions.promote(attempt.actor, version_id, Stage.ARCHIVED, attempt.name.step_key("archive"))
        return {}

    async def _profile(self, attempt: Attempt, config: RegisterConfig) -> bytes:
        if not config.profile:
            return b""
        content = await self._artifacts.get(_key(attempt, config.profile), limit=_MAX_PROFILE_BYTES)
        if content is None:
            raise StepFailed(f"{config.profile} is not there", final=True)
        return content

    async def _uploaded(self, attempt: Attempt, upload: Upload, artifact: str) -> ModelVersion:
        found = await self._registry.by_id(attempt.actor, upload.version_id)
        if found.status is VersionStatus.PENDING_UPLOAD:
            digest = await self._artifacts.digest(artifact)
            try:
                await self._artifacts.send(artifact, upload.url)
            except PermissionDenied:
                raise StepFailed("the upload URL is not valid any more", final=True) from None
            found = await self._registry.confirm_upload(
                attempt.actor, upload.version_id, digest, attempt.name.key("confirm")
            )
        while found.status is VersionStatus.PENDING_UPLOAD:
            attempt.waits_for = "the registry to measure the artifact"
            await asyncio.sleep(self._pause)
            found = await self._registry.by_id(attempt.actor, upload.version_id)
        if found.status is VersionStatus.FAILED:
            raise StepFailed(f"the registry refused the artifact: {found.failure_reason}", final=True)
        return found


def _key(attempt: Attempt, reference: str) -> str:
    step_id, _, file = reference.partition("/")
    return attempt.ancestor(step_id).file(file)


def _metrics(attempt: Attempt, config: RegisterConfig) -> Mapping[str, float]:
    if not config.metrics:
        return {}
    metrics = attempt.execution.step(config.metrics).output.get("metrics", {})
    if not isinstance(metrics, Mapping):
        return {}
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
