"""Child processes that do not survive their parent."""

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
# Nobody waits longer than this for a process that got SIGKILL: it is stuck in the kernel.
_KILL_SECONDS = 5.0


def die_with_parent(parent: int, death_signal: int = signal.SIGKILL) -> None:
    """Ends the calling process when its parent ends; to be called in a child just forked by `parent`.

    By the kernel, on Linux only; elsewhere a child may outlive a killed parent.
    """
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    environment: the whole of it; nothing is inherited.
    user: numeric user and group to become, None to stay.
    death_signal: what the program gets when its parent dies.
    locks: open descriptors that the program inherits and holds for its lifetime.
    """

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    user: int | None = None
    death_signal: int = signal.SIGKILL
    locks: tuple[int, ...] = ()


def spawn(program: Program) -> "subprocess.Popen[bytes]":
    """Starts the program in a session of its own, so that the terminal's Ctrl-C reaches only its parent.

    Raises OSError when it cannot be executed.
    """
    return _spawner.run(lambda: _popen(program))


def _popen(program: Program) -> "subprocess.Popen[bytes]":
    parent = os.getpid()
    with program.log.open("ab") as log, warnings.catch_warnings():
        # The forked child calls prctl and getppid before exec: neither takes a lock that a thread could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        return subprocess.Popen(
            list(program.arguments),
            cwd=program.folder,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=program.locks,
            user=program.user,
            group=program.user,
            extra_groups=[] if program.user is not None else None,
            umask=0o077,
            preexec_fn=lambda: die_with_parent(parent, program.death_signal),  # noqa: PLW1509 -- see the warning filter
        )


def stop(process: "subprocess.Popen[bytes]", stop_signal: int, grace: float) -> bool:
    """Asks the process to end and kills it after `grace` seconds; False when it had to be killed."""
    if process.poll() is not None:
        return True
    process.send_signal(stop_signal)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_KILL_SECONDS)
        return False
    return True


_Request = tuple[Callable[[], "subprocess.Popen[bytes]"], "Future[subprocess.Popen[bytes]]"]


class _Spawner:
    """One thread that forks every child of this process.

    The kernel ties the death signal to the THREAD that forked the child: a short-lived one, such as a worker of a
    pool, would take its children with it.
    """

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self, start: Callable[[], "subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
        future: Future[subprocess.Popen[bytes]] = Future()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="fp-devstack-spawner", daemon=True)
                self._thread.start()
        self._requests.put((start, future))
        return future.result()

    def _work(self) -> None:
        while True:
            start, future = self._requests.get()
            try:
                future.set_result(start())
            except BaseException as error:  # noqa: BLE001 -- it is the caller's, who waits for it
                future.set_exception(error)


_spawner = _Spawner()


def _forget_thread() -> None:
    global _spawner  # noqa: PLW0603 -- threads do not survive fork(); the child needs one of its own
    _spawner = _Spawner()


os.register_at_fork(after_in_child=_forget_thread)
