"""What the supervisor runs for others."""

import asyncio
import os
import signal
from dataclasses import replace

import psutil
import pytest
from fp_kernel.errors import AlreadyExists, InvalidArgument, NotFound
from fp_supervisor import JobState, ProcessSpec, ProcessState

SERVICE = ProcessSpec("dummy_service", {"FP_SERVING_TEAM": "t"})


async def started(house, name, until, spec=SERVICE):
    await house.client.start_runtime(name, spec)

    async def ready():
        runtime = await house.client.runtime(name)
        return runtime if runtime.state is ProcessState.READY else None

    return await until(ready, f"readiness of {name}")


async def ended(house, name, until):
    async def over():
        job = await house.client.job(name)
        return job if job.state is not JobState.RUNNING else None

    return await until(over, f"the end of {name}")


async def printed(house, name, until, text):
    async def there():
        return text in (await house.client.job_log(name)).lines

    await until(there, f"{text!r} in the log of {name}")


@pytest.fixture(scope="module")
def shared(standing):
    return standing()


@pytest.fixture
async def running(shared):
    """Without runtimes; names of jobs are the test's own."""
    yield shared
    for runtime in await shared.client.runtimes():
        await shared.client.stop_runtime(runtime.name)


@pytest.fixture
async def own(house):
    """For a test that ends it."""
    own = house()
    await own.up()
    return own


async def test_a_runtime_is_started_once_whoever_asks_again(running, until):
    first = await started(running, "exec/deploy/1", until)
    second = await running.client.start_runtime("exec/deploy/1", SERVICE)

    assert second == first
    assert [each.name for each in await running.client.runtimes("exec/")] == ["exec/deploy/1"]
    assert await running.client.runtimes("other/") == ()


async def test_one_name_means_one_spec(running, until):
    await started(running, "r", until)
    with pytest.raises(AlreadyExists):
        await running.client.start_runtime("r", ProcessSpec("dummy_service", {"FP_SERVING_TEAM": "other"}))


async def test_a_runtime_gets_the_settings_of_its_noun(running, until, ask):
    runtime = await started(running, "r", until)
    environment = ask(runtime.http_address)["environment"]

    assert environment["FP_SERVING_TEAM"] == "t"
    assert runtime.address == f"127.0.0.1:{environment['FP_GRPC_PORT']}"
    assert {"FP_AUTH_ADDR", "FP_REGISTRY_ADDR", "FP_AUTH_ISSUER", "FP_SERVICE_SECRET", "FP_SERVING_CACHE_DIR"} <= set(
        environment
    )
    assert "FP_DATABASE_URL" not in environment


async def test_a_runtime_that_dies_is_started_again_on_its_port(running, until):
    before = await started(running, "r", until)
    os.kill(before.pid, signal.SIGKILL)

    async def back():
        now = await running.client.runtime("r")
        return now if now.state is ProcessState.READY and now.pid != before.pid else None

    after = await until(back, "the restart")
    assert (after.address, after.restarts) == (before.address, 1)


@pytest.mark.parametrize("ending", ["down", "die"])
async def test_runtimes_come_back_on_their_ports_however_the_supervisor_ended(own, until, ending):
    before = [await started(own, name, until) for name in ("a", "b")]
    await getattr(own, ending)()
    await own.up()
    after = [await started(own, name, until) for name in ("a", "b")]

    assert [(each.name, each.address) for each in after] == [(each.name, each.address) for each in before]


async def test_a_stopped_runtime_is_gone_for_good_and_stopping_again_is_fine(own, until, gone):
    runtime = await started(own, "r", until)
    await own.client.stop_runtime("r")
    await own.client.stop_runtime("r")

    assert gone(runtime.pid)
    with pytest.raises(NotFound):
        await own.client.runtime("r")
    await own.down()
    await own.up()
    assert await own.client.runtimes() == ()


async def test_stopping_and_starting_at_once_end_in_one_of_the_two(running, until):
    await started(running, "r", until)
    calls = [running.client.stop_runtime("r"), running.client.start_runtime("r", SERVICE)] * 5
    await asyncio.gather(*calls)
    left = await running.client.runtimes()
    processes = [each for each in psutil.Process(running.pid).children(recursive=True) if each.name() == "fp-serving"]

    assert len(left) <= 1
    assert len(processes) <= len(left)


async def test_a_bad_runtime_is_refused_and_not_kept(running):
    for name, spec in (("../x", SERVICE), ("", SERVICE), ("r", ProcessSpec("a b"))):
        with pytest.raises(InvalidArgument):
            await running.client.start_runtime(name, spec)

    assert await running.client.runtimes() == ()


async def test_a_job_runs_once_and_its_log_is_kept(running, until):
    await running.client.start_job("e/train/1", ProcessSpec("dummy_job", {"FP_JOB_LINES": "3"}))
    job = await ended(running, "e/train/1", until)
    again = await running.client.start_job("e/train/1", ProcessSpec("dummy_job", {"FP_JOB_LINES": "9"}))
    page = await running.client.job_log("e/train/1", 1, limit=2)

    assert (job.state, job.exit_code, job.lines) == (JobState.SUCCEEDED, 0, 4)
    assert again == job
    assert (page.lines, page.next_line, page.complete) == (("line 0", "line 1"), 3, False)
    assert (await running.client.job_log("e/train/1", 3)).complete


async def test_a_job_that_fails_tells_its_code_and_its_traceback(running, until):
    await running.client.start_job("f", ProcessSpec("dummy_job", {"FP_JOB_ACT": "fail"}))
    await running.client.start_job("g", ProcessSpec("dummy_job", {"FP_JOB_EXIT": "9"}))
    failed, nine = await ended(running, "f", until), await ended(running, "g", until)

    assert (failed.state, failed.exit_code, failed.reason) == (JobState.FAILED, 1, "exit code 1")
    assert (nine.exit_code, nine.reason) == (9, "exit code 9")
    assert "RuntimeError: as asked" in (await running.client.job_log("f")).lines


async def test_a_job_that_was_killed_tells_the_signal(running, until):
    await running.client.start_job("k", ProcessSpec("dummy_job", {"FP_JOB_ACT": "wait"}))
    await printed(running, "k", until, "begins")
    os.kill((await running.process("k")).pid, signal.SIGKILL)
    job = await ended(running, "k", until)

    assert (job.state, job.reason) == (JobState.FAILED, "signal SIGKILL")


async def test_a_job_gets_no_secret_of_the_platform(running, until):
    await running.client.start_job(
        "environment-of-a-job", ProcessSpec("dummy_job", {"FP_JOB_ACT": "environment", "FP_JOB_TOKEN": "t"})
    )
    await ended(running, "environment-of-a-job", until)
    lines = set((await running.client.job_log("environment-of-a-job")).lines)

    assert {line for line in lines if line.startswith("FP_")} == {
        "FP_ENV",
        "FP_GATEWAY_ADDR",
        "FP_JOB_ACT",
        "FP_JOB_TOKEN",
    }


async def test_a_running_job_can_be_stopped_with_what_it_started(running, until, gone):
    await running.client.start_job("s", ProcessSpec("dummy_job", {"FP_JOB_ACT": "offspring"}))

    async def spoken():
        return len((await running.client.job_log("s")).lines) == 2

    await until(spoken, "the job's child")
    offspring = int((await running.client.job_log("s")).lines[1])
    job = await running.client.stop_job("s")

    assert (job.state, job.reason) == (JobState.FAILED, "stopped")
    assert await running.client.stop_job("s") == job
    await until(lambda: gone(offspring), "the end of the job's child")


@pytest.mark.parametrize("ending", ["down", "die"])
async def test_a_job_that_ran_when_the_supervisor_ended_has_failed_and_does_not_run_again(own, until, ending):
    await own.client.start_job("done", ProcessSpec("dummy_job"))
    done = await ended(own, "done", until)
    spec = ProcessSpec("dummy_job", {"FP_JOB_ACT": "wait"})
    await own.client.start_job("cut", spec)
    await printed(own, "cut", until, "begins")
    await getattr(own, ending)()
    await own.up()
    cut = await own.client.start_job("cut", spec)

    assert cut.state is JobState.FAILED
    assert cut.reason.startswith("interrupted")
    assert cut.lines == 1
    assert (await own.client.job_log("cut")).lines == ("begins",)
    assert await own.client.job("done") == done
    assert [each.name for each in await own.client.jobs()] == ["cut", "done"]


async def test_a_job_name_means_one_module(running, until):
    await running.client.start_job("j", ProcessSpec("dummy_job"))
    with pytest.raises(AlreadyExists):
        await running.client.start_job("j", ProcessSpec("dummy_grpc"))
    await ended(running, "j", until)


async def test_an_unknown_job_is_not_found(running):
    for call in (running.client.job, running.client.stop_job, running.client.job_log):
        with pytest.raises(NotFound):
            await call("none")


async def test_the_kept_spec_holds_no_token(running, until):
    await running.client.start_job("secret", ProcessSpec("dummy_job", {"FP_JOB_TOKEN": "very-secret"}))
    await ended(running, "secret", until)

    assert not [path for path in running.folder.rglob("*") if path.is_file() and b"very-secret" in path.read_bytes()]


async def test_runtimes_of_one_group_are_one_process_that_ends_with_the_last_of_them(running, until):
    shared = replace(SERVICE, group="shared-t")
    one, two = [await started(running, name, until, shared) for name in ("a", "b")]
    alone = await started(running, "c", until)

    assert (one.pid, one.address) == (two.pid, two.address)
    assert alone.pid != one.pid
    assert [each.name for each in await running.client.runtimes("")] == ["a", "b", "c"]
    await running.client.stop_runtime("a")
    assert (await running.client.runtime("b")).pid == one.pid
    await running.client.stop_runtime("b")
    assert not psutil.pid_exists(one.pid)
    assert [each.name for each in await running.client.runtimes("")] == ["c"]


async def test_a_group_means_one_program(running, until):
    await started(running, "a", until, replace(SERVICE, group="g"))
    with pytest.raises(AlreadyExists):
        await running.client.start_runtime("b", ProcessSpec("dummy_service", {"FP_SERVING_TEAM": "other"}, group="g"))
    with pytest.raises(InvalidArgument):
        await running.client.start_runtime("d", replace(SERVICE, group="../x"))


async def test_a_group_comes_back_as_one_process_at_its_address(own, until):
    shared = replace(SERVICE, group="shared-t")
    one, _ = [await started(own, name, until, shared) for name in ("a", "b")]
    await own.down()
    await own.up()

    async def back():
        found = await own.client.runtimes("")
        return found if len(found) == 2 and all(each.state is ProcessState.READY for each in found) else None

    first, second = await until(back, "the group to come back")
    assert first.pid == second.pid
    assert {first.address, second.address} == {one.address}
