"""What a job is told: where it stands, what came before it, and URLs to read and write."""

import json

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

    async def text(self, attempt: Attempt, config: JobConfig, ttl: float) -> str:
        """JSON. ttl: seconds that the URLs hold. Raises StepFailed when it is more than a job can be told."""
        execution, step = attempt.execution, attempt.step
        before = sorted(earlier(execution.type, execution.definitions, step.declared_id))
        done = [other for other in map(execution.step, before) if other.status is StepStatus.COMPLETED]
        inputs: dict[str, str] = {}
        for other in done:
            inputs |= await self._inputs(attempt, other, ttl)
        outputs = {file: await self._artifacts.writing_url(attempt.name.file(file), ttl) for file in config.outputs}
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
                "result_url": await self._artifacts.writing_url(attempt.name.file(RESULT), ttl),
                **({"item": step.item.value, "item_index": step.item.index} if step.item else {}),
            }
        )
        if len(spec.encode()) > _MAX_SPEC_BYTES:
            raise StepFailed("the steps before this one have more files and outputs than a job can be told", final=True)
        return spec

    async def _inputs(self, attempt: Attempt, step: Step, ttl: float) -> dict[str, str]:
        """URLs of what an earlier step left, by `<step>/<file>`."""
        typed = read(step.definition)
        if not isinstance(typed, JobConfig):
            return {}
        if typed.fan_out is None:
            name = attempt.ancestor(step.step_id)
            return {f"{step.step_id}/{file}": await self._read_url(name, file, ttl) for file in typed.outputs}
        # The files of a thousand items are too many for one environment: they are listed in a file of their own.
        key = attempt.name.file(f"inputs/{step.step_id}/{ITEMS}")
        items = [await self._item(attempt, item, typed.outputs, ttl) for item in attempt.execution.items(step.step_id)]
        await self._artifacts.write(key, json.dumps(items).encode())
        return {f"{step.step_id}/{ITEMS}": await self._artifacts.reading_url(key, ttl)}

    async def _item(self, attempt: Attempt, step: Step, files: tuple[str, ...], ttl: float) -> JsonObject:
        completed = step.status is StepStatus.COMPLETED
        name = attempt.ancestor(step.step_id)
        return {
            "item": step.item.value if step.item else None,
            "status": step.status,
            "error": step.error,
            "output": step.output if completed else None,
            "files": {file: await self._read_url(name, file, ttl) for file in (files if completed else ())},
        }

    async def _read_url(self, name: AttemptName, file: str, ttl: float) -> str:
        return await self._artifacts.reading_url(name.file(file), ttl)
