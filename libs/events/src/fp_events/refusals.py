"""What the server does not let this user publish.

It says so on the connection and names the subject alone, in small letters; the message has no other answer.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fp_kernel import Unavailable
from fp_telemetry import get_logger

log = get_logger(__name__)

_VIOLATION: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')

# Subjects that the log names: those of acknowledgements have the number of their message, and each is another one.
_MOST_TOLD: Final = 256


class Forbidden(Unavailable):
    """This user of the bus has no right to the subject. Somebody has to give it: it may be so at the next attempt."""


def forbidden(subject: str) -> Forbidden:
    return Forbidden(f"the event bus does not let this user publish to {subject}", reason="SUBJECT_FORBIDDEN")


class Refusals:
    """Hands each refusal to those who wait for an answer."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._listeners: list[Callable[[str], None]] = []
        self._told: set[str] = set()

    def watch(self, listener: Callable[[str], None]) -> None:
        """Called with the subject, in small letters."""
        self._listeners.append(listener)

    @contextmanager
    def of(self, subject: str) -> Iterator["asyncio.Future[None]"]:
        """Done when a message to the subject was refused meanwhile."""
        refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[subject.lower()]
        waiting.add(refused)
        try:
            yield refused
        finally:
            waiting.discard(refused)
            if not waiting:
                self._waiting.pop(subject.lower(), None)

    def take(self, error: Exception) -> bool:
        """Whether the error of the connection is one."""
        found = _VIOLATION.search(str(error).lower())
        if found is None:
            return False
        what, subject = found.groups()
        waiting = self._waiting.get(subject, ())
        # Who waits knows what it means: a service finds out in this way that it may make no stream.
        if not waiting and subject not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(subject)
            log.error("event bus does not let this user use a subject", what=what, subject=subject)
        for refused in waiting:
            if not refused.done():
                refused.set_result(None)
        for listener in self._listeners:
            listener(subject)
        return True
