"""A version in memory, and what is known of one that is not."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from fp_serving.app.load import Admission
from fp_serving.app.ports import Members, Runner
from fp_serving.app.predict import Predict
from fp_serving.app.slot import Assignment, Slot
from fp_serving.domain.lifecycle import ModelState, Status


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request names. Empty: whatever the process has. version: the label, for example "3", or the id."""

    model_name: str = ""
    version: str = ""
    version_id: str = ""

    @property
    def label(self) -> tuple[str, str]:
        return self.model_name, self.version


def _idle() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(eq=False, slots=True)
class Session:
    """From the begin of a load to the end of the model's last request. idle: set while no request is answered."""

    slot: Slot
    runner: Runner
    predict: Predict
    load: Callable[[], Awaitable[None]]
    loading: "asyncio.Task[None] | None" = None
    in_flight: int = 0
    idle: asyncio.Event = field(default_factory=_idle)

    @property
    def failure(self) -> Status | None:
        status = self.slot.status
        return status if status.state is ModelState.FAILED else None

    @contextmanager
    def used(self) -> Iterator[None]:
        self.in_flight += 1
        self.idle.clear()
        try:
            yield
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self.idle.set()


UNLOADED = "MODEL_UNLOADED"
"""Reason: someone wanted it; it is not loaded again because it is asked."""

Sessions = Callable[[Assignment, Admission, Members], Session]


@dataclass(eq=False, slots=True)
class Resident:
    """A version that the process knows. used_at: when it was last asked, on the monotonic clock.

    pinned: never unloaded to make room. withdrawn: unloaded because someone wanted it.
    member: loaded for the sake of an ensemble alone.
    """

    assignment: Assignment
    label: str
    used_at: float
    since: datetime
    pinned: bool = False
    session: Session | None = None
    withdrawn: bool = False
    why: str = ""
    member: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it is loaded, or on the way."""
        return self.session is not None and self.session.failure is None

    @property
    def is_ready(self) -> bool:
        return self.session is not None and self.session.slot.is_ready

    @property
    def busy(self) -> bool:
        return self.session is not None and self.session.in_flight > 0

    @property
    def memory_bytes(self) -> int:
        return self.session.slot.memory_bytes if self.session is not None else 0

    @property
    def version(self) -> str:
        """The label, once it is known."""
        facts = self.session.slot.facts if self.session is not None else None
        return facts.version if facts is not None else self.label

    @property
    def status(self) -> Status:
        if self.session is not None:
            return self.session.slot.status
        return Status(ModelState.UNLOADED, self.why, self.since, UNLOADED if self.withdrawn else "")

    def unloaded(self, why: str, now: datetime) -> None:
        self.label = self.version
        self.session, self.why, self.since = None, why, now

    def matches(self, asked: Asked) -> bool:
        """Whether a request means this version; a label that is not known yet may be its own."""
        labels = {"", self.assignment.version_id, self.version or asked.version}
        return (
            asked.model_name in ("", self.assignment.model_name)
            and asked.version in labels
            and asked.version_id in ("", self.assignment.version_id)
        )
