"""A training as a tracked run of an experiment: its parameters, how the loss fell, how good it became, how it ended.

One run for the attempts of a step: an attempt that died leaves it RUNNING, and the next goes on with it. What is logged
twice is there once: the first value of a parameter or of a step of a metric stays. A run that was ended as FAILED
cannot go on, so the attempt after it has a run of its own.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_jobs.job import Job
from fp_jobs.patience import patiently
from fp_kernel import AlreadyExists, Error, FailedPrecondition

EXPERIMENT: Final = "flight-delay"
_DESCRIPTION: Final = "Will a flight out of New York arrive more than 15 minutes late?"
_ENDED: Final = "RUN_ENDED"
# A job that fails has sent the reason to its pipeline when it ends; it does not wait long to record it in the run too.
_FAREWELL_SECONDS: Final = 5.0


@dataclass(slots=True)
class Tracked:
    """A run to log to. finished: an earlier attempt has logged everything and ended it; nothing is logged again."""

    experiments: Any
    id: str
    finished: bool = False

    async def params(self, values: Mapping[str, object]) -> None:
        """Raises AlreadyExists when a parameter has another value, FailedPrecondition when the run has ended."""
        params = [pb.Param(key=key, value=str(value)) for key, value in values.items()]
        await self._send(lambda: self.experiments.LogParams(pb.LogParamsRequest(run_id=self.id, params=params)))

    async def metrics(self, losses: Sequence[float], final: Mapping[str, float]) -> None:
        """losses: log-loss after each iteration. final: what the version promises, as the values of the last one.

        Raises FailedPrecondition when the run has ended.
        """
        points = [pb.MetricPoint(key="log_loss", value=value, step=step) for step, value in enumerate(losses[:-1], 1)]
        points += [pb.MetricPoint(key=key, value=value, step=len(losses)) for key, value in final.items()]
        await self._send(lambda: self.experiments.LogMetrics(pb.LogMetricsRequest(run_id=self.id, points=points)))

    async def finish(self) -> None:
        """Raises FailedPrecondition when it has ended otherwise."""
        request = pb.UpdateRunStatusRequest(run_id=self.id, status=pb.RUN_STATUS_FINISHED)
        await self._send(lambda: self.experiments.UpdateRunStatus(request))

    async def abandon(self) -> None:
        """The job has failed, whether or not that can be recorded."""
        request = pb.UpdateRunStatusRequest(run_id=self.id, status=pb.RUN_STATUS_FAILED)
        with suppress(Error, TimeoutError):
            await patiently(lambda: self.experiments.UpdateRunStatus(request), seconds=_FAREWELL_SECONDS)

    async def _send(self, call: Any) -> None:
        if not self.finished:
            await patiently(call)


@asynccontextmanager
async def tracked(experiments: Any, task: Job, params: Mapping[str, object]) -> AsyncIterator[Tracked]:
    """The run of this step, FINISHED when the block ends and FAILED when it raises.

    experiments: a stub of the experiment tracker. params: the same in every attempt.
    Raises what the calls raise when the service does not come back in time.
    """
    run = await _run(experiments, task, {"execution_id": task.execution_id, "step": task.step_id, **params})
    try:
        yield run
    except Exception:
        await run.abandon()
        raise
    await run.finish()


async def _run(experiments: Any, task: Job, params: Mapping[str, object]) -> Tracked:
    """The run of the attempts before, unless it failed."""
    experiment_id, step = str(task.config["experiment_id"]), f"{task.execution_id}/{task.step_id}"
    run = await _started(experiments, experiment_id, task, step)
    try:
        await run.params(params)
    except FailedPrecondition as error:
        # The answer to a repeated start is that of the first one: only a command says how the run stands now.
        if error.reason != _ENDED:
            raise
        if error.metadata.get("status") == "FINISHED":
            return Tracked(experiments, run.id, finished=True)
        run = await _started(experiments, experiment_id, task, f"{step}/{task.attempt}")
        await run.params(params)
    return run


async def _started(experiments: Any, experiment_id: str, task: Job, key: str) -> Tracked:
    request = pb.StartRunRequest(experiment_id=experiment_id, display_name=task.execution_id, idempotency_key=key)
    response = await patiently(lambda: experiments.StartRun(request))
    return Tracked(experiments, str(response.run.id))


async def experiment(experiments: Any) -> str:
    """Its id, for the settings of the steps that train: a job makes no experiment, it only adds runs to one."""
    request = pb.CreateExperimentRequest(name=EXPERIMENT, description=_DESCRIPTION)
    try:
        return str((await patiently(lambda: experiments.CreateExperiment(request))).experiment.id)
    except AlreadyExists as error:
        return error.metadata["experiment_id"]
