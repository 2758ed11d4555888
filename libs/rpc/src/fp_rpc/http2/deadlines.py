"""Ends calls at their deadlines, with one timer for all of them.

Clients end their calls by themselves; this one is for those that are gone, so that it may be a little late.
"""

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fp_rpc.http2.stream import Stream

# Calls that may last long are looked at seldom, so that what they leave behind wakes the process seldom.
_FINE: Final = 100
_COARSE: Final = 4
_SHORT: Final = 2.0


class Deadlines:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[float, set[Stream]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = float("inf")

    def add(self, stream: "Stream") -> None:
        at = _slot(stream.deadline or 0.0, self._loop.time())
        due = self._due.get(at)
        if due is None:
            due = self._due[at] = set()
            if at < self._next:
                self._set(at)
        due.add(stream)
        stream.due = at

    def drop(self, stream: "Stream") -> None:
        """It ended; of deadlines that each call has for itself nothing may stay until they would have passed."""
        at, stream.due = stream.due, None
        if at is None or (due := self._due.get(at)) is None:
            return
        due.discard(stream)
        if not due:
            del self._due[at]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer, self._next = None, float("inf")
        now = self._loop.time()
        for at in sorted(self._due):
            if at > now:
                self._set(at)
                return
            for stream in self._due.pop(at):
                stream.due, stream.late = None, True
                stream.cancel()


def _slot(deadline: float, now: float) -> float:
    """When it is looked at; many deadlines have the same one."""
    steps = _FINE if deadline - now < _SHORT else _COARSE
    return (int(deadline * steps) + 1) / steps
