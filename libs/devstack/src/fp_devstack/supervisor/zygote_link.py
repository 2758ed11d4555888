"""The supervisor's end of the zygote."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fp_kernel.errors import Unavailable

from fp_devstack import children, locks
from fp_devstack.children import Program
from fp_devstack.zygote import wire
from fp_devstack.zygote.wire import Fork, Kill

if TYPE_CHECKING:
    import subprocess

_READY_SECONDS = 120.0
_FORK_SECONDS = 60.0
_STOP_SECONDS = 5.0
_LOCK_SECONDS = 60.0
Exit = asyncio.Future[int]


class Zygote:
    """Starts it, asks it for children and reports which of them ended.

    preload: modules it imports first; the default list when empty.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], preload: tuple[str, ...] = ()) -> None:
        self._folder = folder
        self._environment = environment
        self._preload = preload
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._sending = asyncio.Lock()
        self._last_id = 0
        self._starting: dict[int, asyncio.Future[tuple[int, Exit]]] = {}
        self._ended: dict[int, Exit] = {}
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Serves until the zygote ends; its children then appear as killed, which they are.

        Raises OSError when it cannot be started, FolderInUse when children of an earlier one do not end.
        """
        # Every child inherits the lock: once it is ours, none of an earlier zygote's is left, and their ports are free.
        lock = await asyncio.to_thread(locks.acquire, self._folder / ".zygote.lock", patience=_LOCK_SECONDS)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        events, theirs_events = os.pipe()
        try:
            self._process = await asyncio.to_thread(children.spawn, self._program(theirs.fileno(), theirs_events, lock))
        except BaseException:
            ours.close()
            os.close(events)
            raise
        finally:
            theirs.close()
            os.close(theirs_events)
            os.close(lock)
        self._requests = ours
        try:
            await self._listen(events)
        finally:
            self._lose()

    async def wait_ready(self) -> None:
        """Raises Unavailable when it takes too long."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            raise Unavailable("the zygote is not ready; see logs/zygote.log") from None

    async def stop(self) -> None:
        """Ends it, and with it every child that is left."""
        if self._process is not None:
            await asyncio.to_thread(children.stop, self._process, signal.SIGTERM, _STOP_SECONDS)

    async def fork(self, request: Fork, output: int) -> tuple[int, Exit]:
        """Starts a child; gives its pid and its exit code to come (negative: the signal that ended it).

        output: descriptor for its standard output and error; the caller closes its own copy.
        Raises Unavailable when the zygote is not there or cannot fork.
        """
        await self.wait_ready()
        self._last_id += 1
        number = self._last_id
        started: asyncio.Future[tuple[int, Exit]] = asyncio.get_running_loop().create_future()
        self._starting[number] = started
        try:
            async with asyncio.timeout(_FORK_SECONDS):
                await self._send(dataclasses.replace(request, id=number), (output,))
                return await started
        except TimeoutError:
            raise Unavailable("the zygote does not fork") from None
        finally:
            self._starting.pop(number, None)

    async def kill(self, pid: int, number: int, *, session: bool = False) -> None:
        """Sends a signal to a child; one that has ended is ignored."""
        if pid in self._ended:
            with contextlib.suppress(Unavailable):
                await self._send(Kill(pid, int(number), session))

    def _program(self, requests: int, events: int, lock: int) -> Program:
        return Program(
            [sys.executable, "-P", "-m", "fp_devstack.zygote", str(requests), str(events), *self._preload],
            self._folder,
            self._environment,
            self._folder / "logs" / "zygote.log",
            death_signal=signal.SIGTERM,  # it ends what its children have started, too, and then itself
            locks=(requests, events, lock),
        )

    async def _send(self, request: Fork | Kill, descriptors: tuple[int, ...] = ()) -> None:
        async with self._sending:
            if self._requests is None:
                raise Unavailable("the zygote has ended")
            try:
                await asyncio.to_thread(wire.send, self._requests, request, descriptors)
            except OSError as error:
                raise Unavailable(f"the zygote takes no requests: {error}") from None

    async def _listen(self, events: int) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(events, "rb", buffering=0)
        )
        try:
            while line := await reader.readline():
                await self._take(json.loads(line))
        finally:
            transport.close()

    async def _take(self, event: dict[str, int]) -> None:
        match event:
            case {"forked": number, "pid": pid}:
                ended: Exit = asyncio.get_running_loop().create_future()
                self._ended[pid] = ended
                started = self._starting.get(number)
                if started is not None and not started.done():
                    # With its exit: when both events came together, it is over before the asker runs again.
                    started.set_result((pid, ended))
                else:  # the request was given up
                    await self.kill(pid, signal.SIGKILL)
            case {"exited": pid, "code": code}:
                _settle(self._ended.pop(pid), code)
            case {"failed": number, "error": text}:
                started = self._starting.get(number)
                if started is not None and not started.done():
                    started.set_exception(Unavailable(f"fork failed: {text}"))
            case _:
                self._ready.set()

    def _lose(self) -> None:
        self._ready.clear()
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        for started in self._starting.values():
            if not started.done():
                started.set_exception(Unavailable("the zygote has ended"))
        for pid, ended in self._ended.items():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # they die with the zygote, but not what they have started
            _settle(ended, -signal.SIGKILL)
        self._ended.clear()


def _settle(ended: Exit, code: int) -> None:
    if not ended.done():  # otherwise the task that waited was cancelled, and the future with it
        ended.set_result(code)
