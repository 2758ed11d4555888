"""Programs that run once. Their state, exit code and log are stored, also when the supervisor dies."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from fp_kernel.errors import AlreadyExists, Error, NotFound, ResourceExhausted
from fp_supervisor import Job, JobState, LogPage, Process, ProcessSpec, ProcessState
from fp_supervisor.masking import hidden_in
from fp_supervisor.reports import job_from

from fp_devstack.files import read_json, write_json
from fp_devstack.supervisor import exit_codes, job_log, names
from fp_devstack.supervisor.job_log import JobLog
from fp_devstack.supervisor.logfile import pump
from fp_devstack.supervisor.zygote_link import Zygote
from fp_devstack.zygote.wire import Fork

_RUNNING_LIMIT = 64
_RETAINED = 1000
_GRACE_SECONDS = 5.0


class Jobs:
    """folder: one folder a job, with `job.json` and `log`. request: what to fork. group: owns their tasks.
    retained: how many jobs are known; the oldest of those that have ended go.
    """

    def __init__(
        self,
        folder: Path,
        zygote: Zygote,
        request: Callable[[str, ProcessSpec], Fork],
        group: asyncio.TaskGroup,
        *,
        retained: int = _RETAINED,
    ) -> None:
        self._retained = retained
        self._folder, self._zygote, self._request, self._group = folder, zygote, request, group
        self._jobs: dict[str, Job] = {}
        self._pids: dict[str, int] = {}
        self._logs: dict[str, JobLog] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._interrupted = False

    def restore(self) -> None:
        """Reads what is stored; whatever ran when the supervisor ended has FAILED. The oldest are removed."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = [job_from(content) for path in self._folder.iterdir() if (content := read_json(path / "job.json"))]
        found.sort(key=lambda job: job.started_at)
        for job in found:
            self._jobs[job.name] = job
        self._forget_oldest(self._retained)
        for job in tuple(self._jobs.values()):
            if job.state is JobState.RUNNING:
                lines = _count_lines(self._home(job.name) / "log")
                self._store(replace(_failed(job, "interrupted: the supervisor ended while it ran"), lines=lines))

    def start(self, name: str, spec: ProcessSpec) -> Job:
        """Recorded before it runs, so that a name never runs twice.

        Raises AlreadyExists when the name has another module, InvalidArgument, ResourceExhausted.
        """
        names.check(name, spec)
        known = self._jobs.get(name)
        if known is not None:
            if known.module != spec.module:
                raise AlreadyExists(f"job {name} has another module")
            return self.report(name)
        if len(self._ends) >= _RUNNING_LIMIT:
            raise ResourceExhausted(f"{_RUNNING_LIMIT} jobs are running", retry_after=5.0)
        self._forget_oldest(self._retained - 1)
        home = self._home(name)
        home.mkdir(mode=0o700, exist_ok=True)
        self._logs[name] = JobLog(home / "log", hidden_in(spec.environment))
        self._stops[name], self._ends[name] = asyncio.Event(), asyncio.Event()
        self._store(Job(name, JobState.RUNNING, spec.module, started_at=time.time()))
        self._group.create_task(self._run(name, self._request(name, spec)), name=f"job {name}")
        return self.report(name)

    def report(self, name: str) -> Job:
        """Raises NotFound."""
        job = self._jobs.get(name)
        if job is None:
            raise NotFound(f"there is no job {name}")
        log = self._logs.get(name)
        return replace(job, lines=log.lines) if log is not None else job

    def named(self, prefix: str) -> tuple[Job, ...]:
        return tuple(self.report(name) for name in sorted(self._jobs) if name.startswith(prefix))

    async def stop(self, name: str) -> Job:
        """Raises NotFound."""
        self.report(name)
        if name in self._ends:
            self._stops[name].set()
            await self._ends[name].wait()
        return self.report(name)

    async def interrupt(self) -> None:
        """Ends all of them because the supervisor ends."""
        self._interrupted = True
        async with asyncio.TaskGroup() as group:
            for name in tuple(self._ends):
                group.create_task(self.stop(name))

    async def log(self, name: str, after_line: int, limit: int) -> LogPage:
        """Raises NotFound."""
        running = self.report(name).state is JobState.RUNNING
        after = max(0, after_line)
        lines, last = await asyncio.to_thread(job_log.page, self._home(name) / "log", after, max(1, limit))
        return LogPage(tuple(lines), after + len(lines), complete=last and not running)

    def processes(self) -> list[Process]:
        """Those that run now."""
        now = time.time()
        return [
            Process(name, "job", pid, ProcessState.READY, uptime_seconds=round(now - self._jobs[name].started_at, 1))
            for name, pid in self._pids.items()
        ]

    def _forget_oldest(self, retained: int) -> None:
        """At a start as well: a supervisor that runs for months retains no more ended jobs. Running ones stay."""
        ended = [name for name in self._jobs if name not in self._ends]
        for name in ended[: max(0, len(self._jobs) - retained)]:
            shutil.rmtree(self._home(name), ignore_errors=True)
            del self._jobs[name]

    async def _run(self, name: str, request: Fork) -> None:
        log = self._logs[name]
        output, theirs = os.pipe()
        try:
            pid, ended = await self._zygote.fork(request, theirs)
        except (Error, OSError) as error:
            os.close(output)
            self._finish(name, _failed(self._jobs[name], f"could not be started: {error}"))
            return
        finally:
            os.close(theirs)
        self._pids[name] = pid
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(output, log))
            killer = group.create_task(self._stop_when_asked(name, pid))
            code = await ended
            killer.cancel()
        asked = self._stops[name].is_set()
        ending = ("interrupted: the supervisor was stopped" if self._interrupted else "stopped") if asked else ""
        self._finish(name, _outcome(self._jobs[name], code, ending))

    async def _stop_when_asked(self, name: str, pid: int) -> None:
        await self._stops[name].wait()
        await self._zygote.kill(pid, signal.SIGTERM)
        await asyncio.sleep(_GRACE_SECONDS)
        await self._zygote.kill(pid, signal.SIGKILL, session=True)

    def _finish(self, name: str, job: Job) -> None:
        log = self._logs.pop(name)
        log.close()
        self._pids.pop(name, None)
        # A full disk must not take the supervisor with it; the record then says interrupted after a restart.
        with contextlib.suppress(OSError):
            self._store(replace(job, lines=log.lines))
        self._jobs[name] = replace(job, lines=log.lines)
        self._ends.pop(name).set()
        del self._stops[name]

    def _store(self, job: Job) -> None:
        write_json(self._home(job.name) / "job.json", asdict(job))
        self._jobs[job.name] = job

    def _home(self, name: str) -> Path:
        return self._folder / names.file_name(name)


def _outcome(job: Job, code: int, ending: str) -> Job:
    """ending: why it was made to end, if it was."""
    if ending:
        return replace(_failed(job, ending), exit_code=code)
    if code == 0:
        return replace(job, state=JobState.SUCCEEDED, exit_code=0, finished_at=time.time())
    return replace(_failed(job, exit_codes.describe(code)), exit_code=code)


def _failed(job: Job, reason: str) -> Job:
    return replace(job, state=JobState.FAILED, reason=reason, finished_at=time.time())


def _count_lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except FileNotFoundError:
        return 0
