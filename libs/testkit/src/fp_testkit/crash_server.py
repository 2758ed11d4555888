"""The small process that forks the children of `kill_at`.

It has neither loop, thread nor connection, which a fork of the test's own process would carry over.
"""

import asyncio
import gc
import importlib.util
import inspect
import mmap
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from fp_devstack.children import die_with_parent

from fp_testkit import clock_tests
from fp_testkit.crash import EVERY_STEP, CrashPoints

_LENGTH = struct.Struct("!I")
LATE = 124


@dataclass(frozen=True, slots=True)
class Order:
    """module: file of the scenario. name: of the function in it. every: see `CrashPoints`."""

    module: str
    name: str
    arguments: bytes
    turn: int
    timeout: float
    every: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """status: as of `subprocess`, negative for a signal. output: what the child said on stderr. steps: of a run that
    completed.
    """

    status: int
    output: str
    steps: int = 0


class CrashServer:
    """The test's side; the process starts at the first order."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def execute(
        self, scenario: Callable[..., Awaitable[None]], arguments: tuple[Any, ...], turn: int, timeout: float
    ) -> Outcome:
        """Run the scenario in a child; blocks until it has ended or `timeout` seconds are over."""
        file = inspect.getsourcefile(scenario)
        if file is None or "." in scenario.__qualname__:
            raise ValueError("a scenario is a function of a module, so that another process can find it")
        every = bool(os.environ.get(EVERY_STEP))
        order = Order(file, scenario.__qualname__, pickle.dumps(arguments), turn, timeout, every)
        with self._turn:
            process = self._process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            _send(process.stdin, order)
            outcome: Outcome = _receive(process.stdout)
            return outcome

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()  # closes its stdin, which ends it
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What a scenario imports is found where the test finds it.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        return self._process


def _send(stream: IO[bytes], value: object) -> None:
    body = pickle.dumps(value)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """Raises EOFError when the other side has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError("the crash server has gone")
    return pickle.loads(stream.read(*_LENGTH.unpack(head)))  # noqa: S301 -- from ourselves


def main() -> None:
    """Serve orders from stdin until it closes."""
    clock_tests.travel()
    answers = os.fdopen(os.dup(1), "wb")
    # What a scenario prints must not get between the answers.
    os.dup2(2, 1)
    modules: dict[str, ModuleType] = {}
    while True:
        try:
            order = _receive(sys.stdin.buffer)
        except EOFError:
            return
        if order.module not in modules:
            modules[order.module] = _load(Path(order.module), len(modules))
            # What is here lives as long as this process. A child that looked at it for garbage would copy all of it.
            gc.collect()
            gc.freeze()
        _send(answers, _run(order, modules[order.module]))


def _load(path: Path, number: int) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"crash_scenarios_{number}", path)
    if specification is None or specification.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def _run(order: Order, module: ModuleType) -> Outcome:
    reader, writer = os.pipe()
    steps = mmap.mmap(-1, _LENGTH.size)
    child = os.fork()
    if not child:
        os.close(reader)
        _child(order, module, writer, steps)
    os.close(writer)
    output, ended = _output(reader, time.monotonic() + order.timeout)
    os.close(reader)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not ended:
        return Outcome(LATE, f"killed after {order.timeout:g} s\n{output}")
    return Outcome(os.waitstatus_to_exitcode(status), output, *_LENGTH.unpack(steps[:]))


def _output(reader: int, deadline: float) -> tuple[str, bool]:
    """What the child says, and whether it ended in time: it has ended when nobody holds the other side any more."""
    parts: list[bytes] = []
    while True:
        remaining = max(0.0, deadline - time.monotonic())
        if not select.select([reader], [], [], remaining)[0]:
            return b"".join(parts).decode(errors="replace"), False
        part = os.read(reader, 65_536)
        if not part:
            return b"".join(parts).decode(errors="replace"), True
        parts.append(part)


def _child(order: Order, module: ModuleType, output: int, steps: mmap.mmap) -> None:
    status = 1
    try:
        die_with_parent(os.getppid())
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        arguments = pickle.loads(order.arguments)  # noqa: S301 -- from ourselves
        points = CrashPoints(order.turn, every=order.every)
        asyncio.run(getattr(module, order.name)(points, *arguments))
        steps[:] = _LENGTH.pack(points.steps)
        status = 0
    except BaseException:  # noqa: BLE001 -- reported to the test, whatever it is
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
