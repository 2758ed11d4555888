import asyncio

from fp_devstack.supervisor.jobs import Jobs
from fp_devstack.zygote.wire import Fork
from fp_supervisor import ProcessSpec


class Forks:
    """Every program ends at once."""

    async def fork(self, request, descriptor):
        ended = asyncio.get_running_loop().create_future()
        ended.set_result(0)
        return 7, ended


async def test_a_supervisor_that_runs_for_long_keeps_the_newest_jobs(tmp_path):
    async with asyncio.TaskGroup() as group:
        request = Fork(0, "m", "m", (), {}, str(tmp_path))
        jobs = Jobs(tmp_path / "jobs", Forks(), lambda _name, _spec: request, group, retained=3)
        jobs.restore()
        for number in range(5):
            jobs.start(f"job-{number}", ProcessSpec(module="m"))
            await jobs._ends[f"job-{number}"].wait()

    assert [job.name for job in jobs.named("")] == ["job-2", "job-3", "job-4"]
    assert len(list((tmp_path / "jobs").iterdir())) == 3
