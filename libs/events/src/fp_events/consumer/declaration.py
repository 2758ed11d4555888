"""Who takes which events, and how failure is met, as data."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from fp_events.message.subjects import is_name, is_pattern, replay_pattern
from fp_events.streams import DLQ, Stream, by_stream
from fp_events.streams.limits import limited

Deliver = Literal["new", "all", "last_per_subject"]


@dataclass(frozen=True, slots=True)
class Consumer:
    """Competing: one durable position shared by every replica, each event handled by one of them.

    name: the service's noun, or `<noun>-<purpose>`; part of the dead letters' subjects.
    subjects: patterns; they may lie in several streams.
    batch: events handed to the handler at once, at most.
    ack_wait: seconds after which the events of a silent replica go to another one; a replica at work renews it.
    backoff: seconds before the 2nd, 3rd, ... attempt, each with jitter; the last one repeats.
    max_attempts: after that many failures the event becomes a dead letter.
    max_in_flight: events handed out and not yet acknowledged, over all replicas, those in back-off included.
    timeout: seconds for one call of the handler.
    linger: seconds for which a batch that is not full waits for more, from its first event on; for handlers whose cost
    is that of a batch and not of an event.
    holds: whether its producers wait when it stands still. It then reads the stream that keeps an event until it has
    been handled. Any other consumer reads that stream's copy and misses what the copy had no room for (`Gap`).
    takes_unknown: whether an event whose payload this build lacks is handed over (`Event.known` is False then), to be
    judged by its envelope. Otherwise it waits for a build that has it.
    """

    name: str
    subjects: tuple[str, ...]
    batch: int = 100
    ack_wait: float = 30.0
    backoff: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0, 600.0)
    max_attempts: int = 10
    max_in_flight: int = 2_000
    timeout: float = 60.0
    linger: float = 0.0
    holds: bool = False
    takes_unknown: bool = False

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise ValueError(f"consumer {self.name!r}: a name is lower-case letters, digits and dashes")
        _check_subjects(self.name, self.subjects)
        if min(self.batch, self.max_attempts, self.max_in_flight) < 1 or not self.backoff:
            raise ValueError(f"consumer {self.name}: batch, attempts, in-flight and back-off must not be empty")

    @property
    def streams(self) -> dict[Stream, tuple[str, ...]]:
        """The streams it reads, with its patterns in each; always the dead letters' too, for replays to it alone."""
        return {**by_stream(self.subjects, holding=self.holds), DLQ: (replay_pattern(self.name),)}

    @property
    def retention(self) -> timedelta:
        """How long an event may still arrive a second time: what an inbox must remember at least."""
        return max(limited(stream).max_age for stream in by_stream(self.subjects, holding=self.holds))


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Every process gets every event, those of each pattern in order; nothing is stored on the server when the process
    has ended.

    deliver: where a new process starts: `new` events only, `all` that are stored, or the `last_per_subject`.
    """

    name: str
    subjects: tuple[str, ...]
    deliver: Deliver = "new"

    def __post_init__(self) -> None:
        _check_subjects(self.name, self.subjects)

    @property
    def streams(self) -> dict[Stream, tuple[str, ...]]:
        return by_stream(self.subjects)


def _check_subjects(name: str, subjects: tuple[str, ...]) -> None:
    bad = [subject for subject in subjects if not is_pattern(subject)]
    if bad or not subjects:
        raise ValueError(f"consumer {name}: {bad or 'no subjects'} cannot be subscribed to")
    by_stream(subjects)
