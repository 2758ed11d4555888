"""Queues of events that the bus refuses at present."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from fp_events.streams import by_stream
from fp_kernel import Error, Unavailable
from fp_kernel.backoff import Backoff

# One relay a database: nobody to be out of step with.
_BACKOFF: Final = Backoff(first=0.2, longest=30.0, spread=0.0)


@dataclass(slots=True)
class _HeldQueue:
    due: float
    failures: int = 1


class HeldQueues:
    """The queues of events that wait, each with its own pause.

    A queue is a stream that is full or away, or one resource of a stream whose event was refused. The order of a
    resource is kept for each stream: usage that waits for a full stream says nothing about quotas in another.
    Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._holds: dict[str, _HeldQueue] = {}

    def __len__(self) -> int:
        return len(self._holds)

    def queue_of(self, subject: str, resource_id: str) -> str | None:
        """Where an event has to wait; None when it can go."""
        if not self._holds:
            return None
        stream = stream_of(subject)
        of_resource = f"{stream} {resource_id}"
        if of_resource in self._holds:
            return of_resource
        return stream if stream in self._holds else None

    def add(self, queue: str, now: float) -> None:
        if queue not in self._holds:
            self._holds[queue] = _HeldQueue(now + _BACKOFF.delay(1, 1.0))

    def due(self, now: float) -> str | None:
        """The queue that has waited longest for its next attempt."""
        if not self._holds:
            return None
        queue, hold = min(self._holds.items(), key=lambda item: item[1].due)
        return queue if hold.due <= now else None

    def wait(self, now: float) -> float:
        """Seconds until the next attempt."""
        return max(min((hold.due for hold in self._holds.values()), default=now + _BACKOFF.longest) - now, 0.0)

    def is_probe(self, queue: str) -> bool:
        """Whether the queue's last attempt failed, so that one event is enough to find out."""
        return self._holds[queue].failures > 0

    def went(self, queue: str, now: float) -> None:
        """The bus took something: go on at once."""
        self._holds[queue] = _HeldQueue(now, failures=0)

    def failed(self, queue: str, now: float) -> None:
        failures = self._holds[queue].failures + 1
        self._holds[queue] = _HeldQueue(now + _BACKOFF.delay(failures, 1.0), failures)

    def end(self, queue: str) -> None:
        """Nothing waits in it any more."""
        self._holds.pop(queue, None)


def queue_for(error: Error, subject: str, resource_id: str) -> str:
    """What a refusal concerns: the whole stream when it is full or away, otherwise the resource in it."""
    stream = stream_of(subject)
    whole = isinstance(error, Unavailable) or error.reason == "STREAM_FULL"
    return stream if whole else f"{stream} {resource_id}"


@cache
def stream_of(subject: str) -> str:
    try:
        return next(iter(by_stream((subject,)))).name
    except ValueError:
        return "?"
