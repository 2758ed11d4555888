"""TRAIN, EVALUATE, BUILD, CUSTOM: a process of the user's, with files in and out."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from fp_pipeline.app.attempt import Attempt, Outcome, StepFailed
from fp_pipeline.app.executors.job_spec import RESULT, JobSpecs
from fp_pipeline.app.peers import ArtifactStore, Job, JobRunner, JobSpec, JobState, JobTokens, SecretValues
from fp_pipeline.domain import backtest, challenge, secrets
from fp_pipeline.domain.config import JobConfig
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.fan_out import MAX_ITEM_BYTES
from fp_pipeline.domain.json_values import MAX_JSON_BYTES, check_json
from fp_pipeline.domain.logs import MAX_LINES
from fp_pipeline.domain.policy import EnginePolicy
from fp_pipeline.domain.validation import JobModules

# The job may start late and the clocks may differ.
_URL_MARGIN = 600.0
_MAX_TTL = 86_400.0
_DEADLINE_MARGIN = 60.0
_LOG_PAGE = 500
# What a backtest may beyond what every job may.
_READ_LOG = "predictions:read"
# Whoever runs the job masks these values in what it prints.
JOB_SECRETS = "FP_JOB_SECRETS"


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """pause: seconds between looks at a running job. modules: what jobs may run."""

    modules: JobModules
    pause: float = 0.5


class RunJob:
    def __init__(
        self,
        runner: JobRunner,
        artifacts: ArtifactStore,
        tokens: JobTokens,
        secret_values: SecretValues,
        *,
        engine: EnginePolicy,
        policy: JobPolicy,
    ) -> None:
        self._runner = runner
        self._artifacts = artifacts
        self._specs = JobSpecs(artifacts)
        self._tokens = tokens
        self._secret_values = secret_values
        self._engine = engine
        self._policy = policy

    async def run(self, attempt: Attempt) -> Outcome:
        config = attempt.config
        if not isinstance(config, JobConfig):
            raise StepFailed("config is not that of a job", final=True)
        name = attempt.name.job
        job = await self._runner.find(name) or await self._start(attempt, config)
        job = await self._ended(attempt, job)
        attempt.compute = job.seconds
        await self._store_log(attempt, job)
        if job.state is JobState.FAILED:
            said = f"; its last line: {attempt.log[-1][:300]}" if attempt.log else ""
            raise StepFailed(f"the job failed: {job.reason or 'no reason given'}{said}", final=False)
        result = await self._result(attempt)
        refusal = _refusal(config, result)
        if refusal:
            # Kept with the failed step: whoever reads the refusal wants to see what was measured.
            await attempt.checkpoint(result)
            raise StepFailed(refusal, final=True)
        _reach(config.minimum, result)
        return Outcome(result)

    async def compensate(self, attempt: Attempt) -> JsonObject:
        """What it has put stays below its attempt's own keys, where nothing looks for it."""
        await self._runner.stop(attempt.name.job)
        stopped = await self._runner.find(attempt.name.job)
        attempt.compute = stopped.seconds if stopped else 0.0
        return {}

    async def _start(self, attempt: Attempt, config: JobConfig) -> Job:
        if not self._policy.modules.allow(config.module):
            raise StepFailed(f"module '{config.module}' is not among those that jobs may run here", final=True)
        if not self._policy.modules.allow_image(config.machine.image):
            raise StepFailed(f"image '{config.machine.image}' is not among those that jobs may run here", final=True)
        if attempt.step.attempt > 1:
            # It may still run, if nobody could stop it when it was given up.
            await self._runner.stop(replace(attempt.name, attempt=attempt.step.attempt - 1).job)
        timeout = self._engine.timeout(attempt.step.definition)
        ttl = min(timeout + _URL_MARGIN, _MAX_TTL)
        more = (_READ_LOG,) if config.backtest else ()
        token = await self._tokens.issue(attempt.actor, attempt.execution.id, attempt.step.step_id, ttl, more)
        environment = {
            "FP_JOB_SPEC": await self._specs.text(attempt, config, timedelta(seconds=ttl)),
            "FP_JOB_TOKEN": token,
            "OMP_NUM_THREADS": "1",
            **await self._secrets(attempt),
        }
        spec = JobSpec(
            config.module,
            environment,
            team=attempt.actor.team,
            execution_id=attempt.execution.id,
            step_id=attempt.step.step_id,
            # It is stopped at the attempt's time; this is for the time without a worker.
            deadline=timeout + _DEADLINE_MARGIN,
            machine=config.machine,
        )
        return await self._runner.start(attempt.name.job, spec)

    async def _secrets(self, attempt: Attempt) -> Mapping[str, str]:
        """Beside the specification, which keeps the references: jobs print and copy that."""
        wanted = secrets.for_step(attempt.step.definition.config, attempt.execution.input)
        if not wanted:
            return {}
        actor = attempt.actor
        values = await self._secret_values.resolve(actor.team, actor.user_id, wanted, purpose=attempt.execution.id)
        try:
            return {JOB_SECRETS: secrets.for_job(values)}
        except secrets.Unusable as problem:
            raise StepFailed(str(problem), final=True) from None

    async def _ended(self, attempt: Attempt, job: Job) -> Job:
        attempt.waits_for = "the job"
        while job.state is JobState.RUNNING:
            await asyncio.sleep(self._policy.pause)
            found = await self._runner.find(attempt.name.job)
            if found is None:
                raise StepFailed("the job is gone", final=False)
            job = found
        return job

    async def _store_log(self, attempt: Attempt, job: Job) -> None:
        """The last lines; those of a job that talks without end would fill the database."""
        attempt.log_skipped = max(0, job.lines - MAX_LINES)
        attempt.log.clear()
        while lines := await self._runner.log(attempt.name.job, attempt.log_skipped + len(attempt.log), _LOG_PAGE):
            attempt.log.extend(lines[: MAX_LINES - len(attempt.log)])
            if len(attempt.log) >= MAX_LINES:
                return

    async def _result(self, attempt: Attempt) -> JsonObject:
        limit = MAX_ITEM_BYTES if attempt.step.item else MAX_JSON_BYTES
        content = await self._artifacts.get(attempt.name.file(RESULT), limit=limit)
        if content is None:
            raise StepFailed(f"the job ended without putting {RESULT}", final=False)
        try:
            result = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise StepFailed(f"{RESULT} is no JSON: {error}", final=False) from None
        if not isinstance(result, dict):
            raise StepFailed(f"{RESULT} is no JSON object", final=False)
        check_json(result, RESULT)
        return result


def _refusal(config: JobConfig, result: JsonObject) -> str:
    if config.backtest:
        return backtest.refusal(config.backtest, result)
    return challenge.refusal(config.contest, result) if config.contest else ""


def _reach(minimum: Mapping[str, float], result: JsonObject) -> None:
    """Raises StepFailed when a metric is missing or below what the config demands."""
    metrics = result.get("metrics", {})
    for name, least in sorted(minimum.items()):
        value = metrics.get(name) if isinstance(metrics, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise StepFailed(f"the job measured no {name}, of which at least {least:g} is demanded", final=True)
        if value < least:
            raise StepFailed(f"{name} is {value:g}, below the demanded {least:g}", final=True)
