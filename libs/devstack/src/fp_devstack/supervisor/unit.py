"""One program, which is restarted whenever it ends."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable

from fp_kernel.errors import Error
from fp_supervisor import Process, ProcessState

from fp_devstack.supervisor import exit_codes, readiness
from fp_devstack.supervisor.backoff import BackoffPolicy
from fp_devstack.supervisor.logfile import LogFile, pump
from fp_devstack.supervisor.zygote_link import Zygote
from fp_devstack.zygote.wire import Fork

_KILL_SECONDS = 5.0


class Unit:
    """request: what to fork; asked anew at each start, because addresses may have changed.

    http_port: where `/readyz` answers.
    grace: seconds between SIGTERM and SIGKILL.
    drain: waited for before SIGTERM, for a program that does not let its calls end by itself.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        *,
        zygote: Zygote,
        request: Callable[[], Fork],
        log: LogFile,
        http_port: int,
        addresses: dict[str, str],
        grace: float,
        drain: Callable[[], Awaitable[None]] | None = None,
        backoff: BackoffPolicy = BackoffPolicy(),  # noqa: B008 -- frozen
    ) -> None:
        self.name, self.kind, self.addresses = name, kind, addresses
        self.state = ProcessState.STOPPED
        self.restarts = 0
        self.problem = ""
        self.pid: int | None = None
        self._zygote, self._request, self._log = zygote, request, log
        self._http_port, self._grace, self._backoff = http_port, grace, backoff
        self._drain = drain
        self._started = 0.0
        self._death = ""  # why the process before this one ended
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._finished = asyncio.Event()

    async def run(self) -> None:
        """Restarts the program until `stop`; owns everything that belongs to it."""
        failures = 0
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                await self._once()
                if self._stopping.is_set():
                    break
                self.restarts += 1
                failures = self._backoff.failures(failures, time.monotonic() - began)
                self.state = ProcessState.BACKOFF
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._backoff.delay(failures)):
                        await self._stopping.wait()
        finally:
            self.state, self.pid = ProcessState.STOPPED, None
            self._log.close()
            self._finished.set()

    async def stop(self) -> None:
        """Returns when the program has ended for good."""
        self._stopping.set()
        await self._terminate()
        with contextlib.suppress(TimeoutError):  # stuck in the kernel: nothing more can be done here
            async with asyncio.timeout(_KILL_SECONDS):
                await self._finished.wait()

    async def restart(self) -> None:
        """Ends the program; `run` starts it again."""
        await self._terminate()

    def report(self) -> Process:
        """Without memory, which is slow to ask."""
        uptime = time.monotonic() - self._started if self.pid is not None else 0.0
        return Process(
            self.name, self.kind, self.pid, self.state, self.restarts, 0, round(uptime, 1), self.addresses, self.problem
        )

    async def _once(self) -> None:
        """One life of the program."""
        self.state = ProcessState.STARTING
        output, theirs = os.pipe()
        try:
            pid, ended = await self._zygote.fork(self._request(), theirs)
        except (Error, OSError) as error:
            os.close(output)
            self.problem = str(error)
            return
        finally:
            os.close(theirs)
        self.pid, self._started = pid, time.monotonic()
        self._ended.clear()
        if self._stopping.is_set():  # while it was being forked
            await self._zygote.kill(pid, signal.SIGKILL, session=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(output, self._log))
            watch = group.create_task(self._watch())
            code = await ended
            watch.cancel()
        self.pid = None
        self._ended.set()
        self._death = self.problem = f"ended with {exit_codes.describe(code)}: {self._log.last_line}"

    async def _watch(self) -> None:
        while True:
            answer = await readiness.ask(self._http_port)
            if answer.ready:
                self.state, self.problem = ProcessState.READY, ""
            else:
                if self.state is ProcessState.READY:
                    self.state = ProcessState.NOT_READY
                self.problem = f"{answer.problem}; {self._death}" if self._death else answer.problem
            await asyncio.sleep(readiness.pause(answer, time.monotonic() - self._started))

    async def _terminate(self) -> None:
        if self.pid is None:
            return
        pid = self.pid
        if self._drain is not None:
            await self._drain()
        await self._zygote.kill(pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._ended.wait()
            return
        await self._zygote.kill(pid, signal.SIGKILL, session=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILL_SECONDS):
                await self._ended.wait()
