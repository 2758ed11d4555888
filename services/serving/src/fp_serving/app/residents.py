"""The model versions of this process: those that are loaded, and those that may be again when they are asked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from fp_kernel import Clock, FailedPrecondition, NotFound, ResourceExhausted, Unavailable
from fp_kernel.tensors import Tensor
from fp_telemetry import get_logger

from fp_serving.app.members import HouseMembers
from fp_serving.app.ports import Attempts, Names, Runner
from fp_serving.app.predict import Answer
from fp_serving.app.session import UNLOADED, Asked, Resident, Session, Sessions
from fp_serving.app.slot import Assignment, VersionFacts
from fp_serving.domain.budget import Footprint, superfluous
from fp_serving.domain.lifecycle import ModelState, TooLarge

_SPACE = "unloaded to make room; it is loaded again when it is asked"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ResidentPolicy:
    """bytes: of loaded models; beyond them the least recently used go. most: versions that are known.

    wait: seconds that a request waits for its model to be loaded. drain: seconds that its last requests have.
    """

    bytes: int
    most: int = 10_000
    wait: float = 5.0
    drain: float = 30.0


class Observer:
    """What is measured of loads."""

    def loaded(self, seconds: float, outcome: str) -> None:
        """A load that ended. outcome: READY or the reason of its failure."""

    def evicted(self) -> None:
        """A model that went to make room."""


@dataclass(slots=True)
class Residents:
    """names: of a process that takes whatever its team asks for; None of one that serves what it was told to serve.

    attempts: notes of loads that may end the process.
    """

    team: str
    sessions: Sessions
    policy: ResidentPolicy
    clock: Clock
    names: Names | None = None
    attempts: Attempts | None = None
    observer: Observer = field(default_factory=Observer)
    after_unload: Callable[[], object] = lambda: None
    _known: dict[str, Resident] = field(default_factory=dict, init=False)
    _labels: dict[tuple[str, str], Resident] = field(default_factory=dict, init=False)
    _group: asyncio.TaskGroup | None = field(default=None, init=False)
    # One load at a time: what it adds to the process is measured, and those that are served keep a processor.
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def run(self, first: Assignment | None = None) -> NoReturn:
        """Owns loads and drains until it is cancelled. first: the version for which this process was started."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            if first is not None:
                self._begin(self._add(first, pinned=True))
            await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def predict(self, asked: Asked, inputs: Mapping[str, Tensor], *, deadline: float) -> Answer:
        """Raises what `Predict` raises, and what `session` raises."""
        with self._using(self._ready(asked) or await self._waited(asked, deadline)) as session:
            return await session.predict(inputs, deadline=deadline)

    async def answer(self, asked: Asked, inputs: Mapping[str, Tensor], *, deadline: float) -> Mapping[str, Tensor]:
        """Of a step of an ensemble. Raises what `predict` raises."""
        with self._using(self._ready(asked) or await self._waited(asked, deadline)) as session:
            return (await session.predict.uncounted(inputs, deadline=deadline))[0]

    async def session(self, asked: Asked, *, deadline: float) -> Session:
        """That serves the version, loaded now where that is needed.

        Raises NotFound (WRONG_RUNTIME), Unavailable, FailedPrecondition, ResourceExhausted.
        """
        resident = await self._waited(asked, deadline)
        with self._using(resident) as session:
            session.slot.loaded()
            return session

    def find(self, asked: Asked) -> Resident:
        """Of a version that is known. Raises NotFound (WRONG_RUNTIME)."""
        found = self._found(asked)
        if found is None:
            raise _wrong()
        return found

    def check_team(self, team: str) -> None:
        """team: of the caller; empty for a service that acts for nobody. Raises NotFound (WRONG_RUNTIME)."""
        if team not in ("", self.team):
            raise _wrong()

    @property
    def shared(self) -> bool:
        return self.names is not None

    @property
    def all(self) -> list[Resident]:
        return list(self._known.values())

    @property
    def only(self) -> Resident | None:
        """The version of a process that knows one, beside the steps of an ensemble."""
        if len(self._known) == 1:
            return next(iter(self._known.values()))
        asked = [each for each in self._known.values() if not each.member]
        return asked[0] if len(asked) == 1 else None

    @property
    def runners(self) -> list[Runner]:
        return [each.session.runner for each in self._known.values() if each.session is not None]

    @property
    def memory_bytes(self) -> int:
        return sum(each.memory_bytes for each in self._known.values())

    def load(self, assignment: Assignment, label: str, *, pinned: bool = False, member: bool = False) -> Resident:
        """Begin to load; what is loaded or on its way stays as it is, what has failed is tried again.

        pinned, member: as of `Resident`, of one that is not known yet.
        Raises Unavailable, ResourceExhausted.
        """
        resident = self._known.get(assignment.version_id) or self._add(assignment, label, pinned=pinned, member=member)
        resident.assignment, resident.withdrawn = assignment, False
        resident.member, resident.used_at = resident.member and member, self.clock.monotonic()
        if not resident.is_up:
            self._begin(resident)
        return resident

    async def unload(self, resident: Resident, why: str) -> None:
        """Returns when its last request has ended, or had its time to. Asked again it is refused until `load`."""
        resident.withdrawn = True
        drained = self._retire(resident, why or "unloaded")
        if drained is not None:
            await asyncio.wait({drained})

    async def close(self) -> None:
        for resident in self._known.values():
            if resident.session is not None:
                await resident.session.runner.close()

    def _ready(self, asked: Asked) -> Resident | None:
        resident = self._found(asked)
        return resident if resident is not None and resident.is_ready else None

    async def _waited(self, asked: Asked, deadline: float) -> Resident:
        resident = self._found(asked) or await self._resolved(asked)
        if resident.withdrawn:
            raise FailedPrecondition("the version was unloaded", reason=UNLOADED)
        if resident.session is None:
            self._begin(resident)
        session = resident.session
        # One that is alone says at once that it is not ready; another runtime may be.
        if session is not None and not session.slot.is_ready and not resident.pinned and session.loading is not None:
            seconds = min(self.policy.wait, deadline - self.clock.monotonic())
            await asyncio.wait({session.loading}, timeout=max(0.0, seconds))
        return resident

    def _found(self, asked: Asked) -> Resident | None:
        resident = self._known.get(asked.version_id) if asked.version_id else self._labels.get(asked.label)
        if resident is None:
            # Whoever names no model or no version means the only one that there is.
            resident = self.only
        return resident if resident is not None and resident.matches(asked) else None

    async def _resolved(self, asked: Asked) -> Resident:
        if self.names is None or not asked.model_name or not (asked.version or asked.version_id):
            raise _wrong()
        version_id = asked.version_id
        if not version_id:
            version_id = await self.names.version_id(asked.model_name, asked.version)
        known = self._known.get(version_id)
        if known is None:
            return self._add(Assignment(self.team, version_id, asked.model_name), asked.version)
        if not known.matches(asked):
            raise _wrong()
        return known

    def _add(self, assignment: Assignment, label: str = "", *, pinned: bool = False, member: bool = False) -> Resident:
        if len(self._known) >= self.policy.most:
            self._forget()
        resident = Resident(assignment, label, self.clock.monotonic(), self.clock.now(), pinned, member=member)
        self._known[assignment.version_id] = resident
        if label:
            self._labels[(assignment.model_name, label)] = resident
        return resident

    def _forget(self) -> None:
        """The version that was asked least recently of those that are not up."""
        idle = [each for each in self._known.values() if not each.is_up]
        if not idle:
            raise ResourceExhausted("the process serves as many versions as it may", reason="RUNTIME_FULL")
        oldest = min(idle, key=lambda each: each.used_at)
        del self._known[oldest.assignment.version_id]
        self._labels = {label: each for label, each in self._labels.items() if each is not oldest}

    def _begin(self, resident: Resident) -> None:
        if self._group is None:
            raise Unavailable("the process has only just begun", reason="MODEL_NOT_READY", retry_after=1.0)
        members = HouseMembers(self, pinned=resident.pinned)
        session = self.sessions(resident.assignment, lambda facts: self._admitted(resident, facts), members)
        resident.session = session
        session.loading = self._group.create_task(self._load(resident, session))

    async def _load(self, resident: Resident, session: Session) -> None:
        start = self.clock.monotonic()
        await session.load()
        status = session.slot.status
        outcome = status.reason if status.state is ModelState.FAILED else status.state.value
        self.observer.loaded(self.clock.monotonic() - start, outcome)
        if session.slot.facts is not None and session.slot.is_ready:
            self._labels[(resident.assignment.model_name, session.slot.facts.version)] = resident
        # What it really takes is known only now.
        self._make_room(0, but=resident)

    @asynccontextmanager
    async def _admitted(self, resident: Resident, facts: VersionFacts) -> AsyncIterator[None]:
        async with self._loading:
            if not resident.pinned:
                if facts.size_bytes > self.policy.bytes:
                    raise TooLarge(f"{facts.size_bytes} bytes have no place in {self.policy.bytes} of a shared runtime")
                self._make_room(facts.size_bytes, but=resident)
            if self.attempts is None:
                yield
                return
            async with self.attempts.attempt(facts):
                yield

    def _make_room(self, size: int, *, but: Resident) -> None:
        loaded = [each for each in self._known.values() if each.memory_bytes and each is not but and not each.pinned]
        going = superfluous(
            (Footprint(each.assignment.version_id, each.memory_bytes, each.used_at, each.busy) for each in loaded),
            self.policy.bytes - size - (0 if but.pinned else but.memory_bytes),
        )
        for version_id in going:
            self._retire(self._known[version_id], _SPACE)
            self.observer.evicted()

    def _retire(self, resident: Resident, why: str) -> "asyncio.Task[None] | None":
        session = resident.session
        resident.unloaded(why, self.clock.now())
        if session is None or self._group is None:
            return None
        if session.loading is not None and not session.loading.done():
            session.loading.cancel()
        return self._group.create_task(self._drain(session))

    async def _drain(self, session: Session) -> None:
        try:
            async with asyncio.timeout(self.policy.drain):
                await session.idle.wait()
        except TimeoutError:
            _log.warning("requests of an unloaded model did not end", requests=session.in_flight)
        await session.runner.close()
        self.after_unload()

    @contextmanager
    def _using(self, resident: Resident) -> Iterator[Session]:
        """Raises Unavailable when it was taken out of memory since it was looked at."""
        session = resident.session
        if session is None:
            raise Unavailable("the model was unloaded just now", reason="MODEL_NOT_READY", retry_after=0.1)
        resident.used_at = self.clock.monotonic()
        with session.used():
            yield session


def _wrong() -> NotFound:
    return NotFound("this runtime serves another model", reason="WRONG_RUNTIME")
