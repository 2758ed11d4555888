"""The zygote's loop: fork, signal, reap, report. One thread, no event loop: children inherit neither."""

import contextlib
import json
import os
import select
import signal
import socket

from fp_devstack.zygote import child, wire
from fp_devstack.zygote.wire import Fork, Kill


class Server:
    """requests: where the supervisor's requests arrive; its end means that the supervisor has ended.

    events: descriptor that takes JSON lines: `{"ready": pid}`, `{"forked": id, "pid": pid}`,
    `{"failed": id, "error": text}`, `{"exited": pid, "code": code}` (negative for a signal).
    """

    def __init__(self, requests: socket.socket, events: int) -> None:
        self._requests = requests
        self._events = events
        self._children: set[int] = set()
        self._ended = False
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> Fork | None:
        """Returns in each child with its request, and in the zygote with None when the supervisor has ended.

        A child returns up to the program's top level, so that its interpreter ends in the ordinary way.
        """
        self._report({"ready": os.getpid()})
        sources: list[socket.socket | int] = [self._requests, self._woken]
        while not self._ended:
            readable, _, _ = select.select(sources, [], [])
            if self._woken in readable:
                os.read(self._woken, 4096)
                self._reap()
            if self._requests in readable and (request := self._handle()) is not None:
                return request
        self._kill_all()
        return None

    def _handle(self) -> Fork | None:
        received = wire.receive(self._requests)
        if received is None:
            self._end()
            return None
        request, descriptors = received
        if isinstance(request, Kill):
            self._signal(request)
            return None
        return request if self._fork(request, descriptors[0]) else None

    def _fork(self, request: Fork, output: int) -> bool:
        """True in the child."""
        parent = os.getpid()
        # Until the child has its own handlers a signal waits; the zygote's would swallow it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, child.SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(output)
            self._report({"failed": request.id, "error": str(error)})
            return False
        if pid == 0:
            self._let_go()
            child.become(request, parent, output)
            return True
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(output)
        self._children.add(pid)
        self._report({"forked": request.id, "pid": pid})
        return False

    def _let_go(self) -> None:
        """Closes what is the zygote's; detached, because a closed number may soon be the child's."""
        for descriptor in (self._requests.detach(), self._events, self._woken, self._wake):
            os.close(descriptor)

    def _signal(self, request: Kill) -> None:
        if request.pid not in self._children:
            return  # ended and reaped: the number may be another's by now
        if request.session:
            with contextlib.suppress(ProcessLookupError):  # it may have no session yet
                os.killpg(request.pid, request.signal)
        os.kill(request.pid, request.signal)

    def _reap(self) -> None:
        for pid in tuple(self._children):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                continue
            # What the child started in its session ends with it. Before it is reaped, its number is still its own.
            _kill_session(pid)
            _, status = os.waitpid(pid, 0)
            self._children.remove(pid)
            self._report({"exited": pid, "code": os.waitstatus_to_exitcode(status)})

    def _kill_all(self) -> None:
        for pid in self._children:
            _kill_session(pid)
            os.kill(pid, signal.SIGKILL)  # it may have no session yet

    def _end(self) -> None:
        self._ended = True

    def _report(self, event: dict[str, object]) -> None:
        try:
            os.write(self._events, json.dumps(event).encode() + b"\n")
        except BrokenPipeError:
            self._end()


def _kill_session(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
