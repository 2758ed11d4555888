"""The environment of a job: its step, the outputs of earlier steps, and URLs to read and write."""

import json
from datetime import timedelta

from fp_pipeline.app.attempt import Attempt, StepFailed
from fp_pipeline.app.peers import ArtifactStore
from fp_pipeline.domain.config import JobConfig, read
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.execution import Step, StepStatus
from fp_pipeline.domain.names import AttemptName
from fp_pipeline.domain.validation import earlier

RESULT = "result.json"
ITEMS = "items.json"
# One variable of the environment holds 128 KiB on Linux; presigned URLs are long.
_MAX_SPEC_BYTES = 120 * 1_024


class JobSpecs:
    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def text(self, attempt: Attempt, config: JobConfig, life: timedelta) -> str:
        """JSON. life: how long the URLs hold. Raises StepFailed when it is more than a job can be given."""
        execution, step = attempt.execution, attempt.step
        before = sorted(earlier(execution.type, execution.definitions, step.declared_id))
        done = [other for other in map(execution.step, before) if other.status is StepStatus.COMPLETED]
        inputs: dict[str, str] = {}
        for other in done:
            inputs |= await self._inputs(attempt, other, life)
        outputs = {file: self._artifacts.upload_url(attempt.name.file(file), life) for file in config.outputs}
        spec = json.dumps(
            {
                "execution_id": execution.id,
                "step_id": step.step_id,
                "attempt": step.attempt,
                "team": execution.team,
                "config": step.definition.config,
                "execution_input": execution.input,
                "step_outputs": {other.step_id: other.output for other in done},
                "inputs": inputs,
                "outputs": outputs,
                "result_url": self._artifacts.upload_url(attempt.name.file(RESULT), life),
                **({"item": step.item.value, "item_index": step.item.index} if step.item else {}),
            }
        )
        if len(spec.encode()) > _MAX_SPEC_BYTES:
            raise StepFailed("the earlier steps have more files and outputs than a job can be given", final=True)
        return spec

    async def _inputs(self, attempt: Attempt, step: Step, life: timedelta) -> dict[str, str]:
        """URLs of what an earlier step left, by `<step>/<file>`."""
        typed = read(step.definition)
        if not isinstance(typed, JobConfig):
            return {}
        if typed.fan_out is None:
            name = attempt.ancestor(step.step_id)
            return {f"{step.step_id}/{file}": self._read_url(name, file, life) for file in typed.outputs}
        # The files of a thousand items are too many for one environment: they are listed in a file of their own.
        key = attempt.name.file(f"inputs/{step.step_id}/{ITEMS}")
        items = [self._item(attempt, item, typed.outputs, life) for item in attempt.execution.items(step.step_id)]
        await self._artifacts.put(key, json.dumps(items).encode(), content_type="application/json")
        return {f"{step.step_id}/{ITEMS}": self._artifacts.download_url(key, life)}

    def _item(self, attempt: Attempt, step: Step, files: tuple[str, ...], life: timedelta) -> JsonObject:
        completed = step.status is StepStatus.COMPLETED
        name = attempt.ancestor(step.step_id)
        return {
            "item": step.item.value if step.item else None,
            "status": step.status,
            "error": step.error,
            "output": step.output if completed else None,
            "files": {file: self._read_url(name, file, life) for file in (files if completed else ())},
        }

    def _read_url(self, name: AttemptName, file: str, life: timedelta) -> str:
        return self._artifacts.download_url(name.file(file), life)
