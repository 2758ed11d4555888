import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest
from fp_devstack.supervisor.job_log import JobLog
from fp_devstack.supervisor.logfile import pump
from fp_devstack.supervisor.zygote_link import Zygote
from fp_devstack.zygote import preload
from fp_devstack.zygote.wire import Fork
from fp_kernel.errors import Unavailable
from fp_testkit.patience import PATIENCE

PROGRAMS = Path(__file__).parents[1] / "programs"


class Nursery:
    """A zygote and the output of its children."""

    def __init__(self, folder, modules):
        self.folder = folder
        self.zygote = Zygote(folder, {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROGRAMS)}, modules)

    async def fork(self, module, *arguments, niceness=0, **environment):
        """Pid, exit code to come, and the text to come."""
        ours, theirs = os.pipe()
        request = Fork(0, module, module, arguments, environment, str(self.folder), niceness)
        pid, ended = await self.zygote.fork(request, theirs)
        os.close(theirs)
        return pid, ended, asyncio.ensure_future(self.read(ours, self.folder / f"{pid}.log"))

    async def read(self, descriptor, path):
        log = JobLog(path)
        await pump(descriptor, log)
        log.close()
        return path.read_text()

    async def run(self, module, *arguments, **environment):
        """Exit code and text."""
        _, ended, text = await self.fork(module, *arguments, **environment)
        async with asyncio.timeout(PATIENCE):
            return await ended, await text


@pytest.fixture
async def nursery(tmp_path):
    started = []

    async def start(*modules):
        (tmp_path / "logs").mkdir(exist_ok=True)
        nursery = Nursery(tmp_path, modules or ("json",))
        started.append((nursery.zygote, asyncio.ensure_future(nursery.zygote.run())))
        return nursery

    yield start
    for zygote, running in started:
        await zygote.stop()
        await running


async def test_a_child_has_only_the_environment_it_was_given(nursery):
    house = await nursery()
    code, text = await house.run("dummy_job", FP_JOB_ACT="environment", FP_A="1")

    assert code == 0
    assert [line for line in text.splitlines() if line != "begins"] == ["FP_A", "FP_JOB_ACT"]


async def test_exit_codes_and_signals_are_told(nursery):
    house = await nursery()

    assert (await house.run("dummy_job", FP_JOB_EXIT="7"))[0] == 7
    code, text = await house.run("dummy_job", FP_JOB_ACT="fail")
    assert code == 1
    assert "RuntimeError: as asked" in text
    pid, ended, _ = await house.fork("dummy_job", FP_JOB_ACT="wait")
    await house.zygote.kill(pid, signal.SIGKILL)
    assert await ended == -signal.SIGKILL


async def test_a_child_stands_back_as_far_as_it_is_told_and_no_other_does(nursery):
    house = await nursery()
    _, niced = await house.run("dummy_job", niceness=7, FP_JOB_ACT="niceness")
    _, plain = await house.run("dummy_job", FP_JOB_ACT="niceness")

    own = os.nice(0)
    assert [int(text.split()[-1]) - own for text in (niced, plain)] == [min(7, 19 - own), 0]


async def test_an_unknown_module_ends_the_child_alone(nursery):
    house = await nursery()
    code, text = await house.run("no_such_module")

    assert code == 1
    assert "no_such_module" in text
    assert (await house.run("dummy_job"))[0] == 0


async def test_grpc_works_in_children_of_a_zygote_that_has_imported_it(nursery):
    house = await nursery("grpc", "grpc.aio", "grpc_health.v1.health_pb2_grpc")
    results = await asyncio.gather(*(house.run("dummy_grpc") for _ in range(4)))

    assert results == [(0, "answered 1\n")] * 4


async def test_what_is_imported_by_default_can_be_shared_by_fork(nursery):
    house = await nursery(*preload.SHARED)
    assert await house.run("dummy_grpc") == (0, "answered 1\n")
    zygote = psutil.Process(house.zygote.pid)

    assert zygote.num_threads() == 1
    assert not zygote.net_connections()
    libraries = {Path(each.path).name for each in zygote.memory_maps()}
    assert not any(name in library for library in libraries for name in ("onnxruntime", "openblas", "multiarray"))
    log = (house.folder / "logs" / "zygote.log").read_text()
    assert "leaves out" not in log
    assert "must not be shared" not in log


async def test_a_module_that_cannot_be_imported_is_left_out(nursery):
    house = await nursery("json", "no_such_module")

    assert (await house.run("dummy_job"))[0] == 0
    assert "leaves out no_such_module" in (house.folder / "logs" / "zygote.log").read_text()


async def test_what_a_child_started_ends_with_it(nursery, gone, until):
    house = await nursery()
    pid, ended, _ = await house.fork("dummy_job", FP_JOB_ACT="offspring")
    offspring = await until(lambda: psutil.Process(pid).children(), "the child of the child")
    await house.zygote.kill(pid, signal.SIGKILL)
    await ended

    await until(lambda: gone(offspring[0].pid), "the end of the child's child")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_children_end_with_the_zygote_and_are_told_as_killed(nursery, gone, until, number):
    house = await nursery()
    pid, ended, _ = await house.fork("dummy_job", FP_JOB_ACT="offspring")
    offspring = await until(lambda: psutil.Process(pid).children(), "the child of the child")
    os.kill(house.zygote.pid, number)

    async with asyncio.timeout(PATIENCE):
        assert await ended == -signal.SIGKILL
    await until(lambda: gone(pid) and gone(offspring[0].pid), "the end of every descendant")


async def test_a_zygote_that_ended_can_be_run_again(nursery):
    house = await nursery()
    await house.run("dummy_job")
    await house.zygote.stop()
    again = asyncio.ensure_future(house.zygote.run())

    assert (await house.run("dummy_job"))[0] == 0
    await house.zygote.stop()
    await again


async def test_a_request_that_is_too_long_is_refused_and_the_next_one_is_served(nursery):
    house = await nursery()
    with pytest.raises((ValueError, Unavailable)):
        await house.fork("dummy_job", FP_X="x" * 2_000_000)

    assert (await house.run("dummy_job"))[0] == 0
