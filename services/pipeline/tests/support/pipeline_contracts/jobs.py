"""What every `JobRunner` does, whoever runs the processes."""

import asyncio
import json
from typing import Any

import pytest
from fp_kernel import AlreadyExists
from fp_pipeline.app.peers import Job, JobRunner, JobSpec, JobState
from fp_testkit.patience import Bound

MODULE = "contract_job"


def told(team: str = "risk", secrets: dict[str, str] | None = None, **spec: Any) -> JobSpec:
    """Of `contract_job`."""
    environment = {"FP_JOB_SPEC": json.dumps(spec)}
    if secrets:
        environment["FP_JOB_SECRETS"] = json.dumps(secrets)
    return JobSpec(MODULE, environment, team, "0194c2a0-0000-7000-8000-000000000000", "train", 600.0)


async def until(condition: Any) -> Any:
    bound = Bound()
    while not (found := await condition()):
        assert not bound.over, "it did not come true"
        await asyncio.sleep(0.05)
    return found


async def ended(jobs: JobRunner, name: str) -> Job:
    async def over() -> Job | None:
        job = await jobs.find(name)
        return job if job is not None and job.state is not JobState.RUNNING else None

    found: Job = await until(over)
    return found


class JobRunnerContract:
    """Fixtures: `jobs` is the runner, `name` is that of no other job."""

    async def test_a_job_that_was_never_started_is_not_there_and_may_be_stopped(self, jobs, name):
        assert await jobs.find(name) is None
        await jobs.stop(name)
        assert await jobs.find(name) is None
        assert list(await jobs.log(name, 0, 10)) == []

    async def test_a_job_ends_with_what_it_did_and_stays_known(self, jobs, name):
        await jobs.start(name, told(says=["one", "two"]))

        job = await ended(jobs, name)

        assert (job.state, job.reason, job.lines) == (JobState.SUCCEEDED, "", 2)
        assert await jobs.start(name, told(says=["three"])) == job
        assert list(await jobs.log(name, 0, 10)) == ["one", "two"]

    async def test_a_job_that_fails_says_how(self, jobs, name):
        await jobs.start(name, told(code=3))

        job = await ended(jobs, name)

        assert (job.state, job.reason) == (JobState.FAILED, "exit code 3")

    async def test_one_name_runs_once_and_means_one_module(self, jobs, name):
        first = await jobs.start(name, told(lasts=True))

        assert first.state is (await jobs.start(name, told())).state is JobState.RUNNING
        with pytest.raises(AlreadyExists):
            await jobs.start(name, JobSpec("other", {}, "risk", "", "", 600.0))
        await jobs.stop(name)

    async def test_a_job_that_is_stopped_has_ended_and_tells_for_how_long_it_ran(self, jobs, name):
        await jobs.start(name, told(says=["here"], lasts=True))
        await until(lambda: jobs.log(name, 0, 1))

        await jobs.stop(name)

        job = await jobs.find(name)
        assert (job.state, job.reason) == (JobState.FAILED, "stopped")
        assert job.seconds > 0
        await jobs.stop(name)
        assert await jobs.find(name) == job

    async def test_lines_are_read_from_where_one_stopped_while_it_runs(self, jobs, name):
        await jobs.start(name, told(says=["one", "two", "three"], lasts=True))
        await until(lambda: jobs.log(name, 2, 1))

        assert list(await jobs.log(name, 0, 2)) == ["one", "two"]
        assert list(await jobs.log(name, 2, 2)) == ["three"]
        assert list(await jobs.log(name, 3, 2)) == []
        await jobs.stop(name)

    async def test_secrets_reach_the_job_and_no_log(self, jobs, name):
        secrets = {"secret://db": "hunter2-hunter2"}
        await jobs.start(name, told(secrets=secrets, says=["it is {secrets}"]))

        await ended(jobs, name)

        assert list(await jobs.log(name, 0, 1)) == ['it is {"secret://db": "***"}']
