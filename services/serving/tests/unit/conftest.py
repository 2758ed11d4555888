"""A process of versions that are brought up at once, or as a test wants it."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager

import pytest
from fp_kernel import NotFound
from fp_kernel.packing import pack
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_serving.app.load import Admission
from fp_serving.app.ports import Members
from fp_serving.app.predict import Predict
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.residents import Observer
from fp_serving.app.session import Session
from fp_serving.app.slot import Assignment, Loaded, Slot, VersionFacts
from fp_serving.domain.arrays import Array
from fp_serving.domain.lifecycle import LoadFailed, ModelState, Quarantined
from fp_serving.domain.schema import Schema
from fp_testkit.clock import ManualClock

_DIGEST = "sha256:" + "0" * 64
_SCHEMA = Schema((TensorSpec("x", ElementType.FLOAT32, (-1,)),), (TensorSpec("y", ElementType.FLOAT32, (-1,)),))
_ANSWER = {"y": pack([1.0], ElementType.FLOAT32, "y")}


class Runner:
    """Answers when `gate` is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0
        self.closed = False
        self.queue_age = 0.0

    def start(self, model: object, *, shares: bool, seconds: float) -> None:
        """Nothing."""

    async def submit(
        self, inputs: Mapping[str, Array], *, key: Hashable | None, rows: int, deadline: float
    ) -> Mapping[str, Tensor]:
        self.asked += 1
        await self.gate.wait()
        return _ANSWER

    async def close(self) -> None:
        self.closed = True


class World(Observer):
    """sizes: bytes by version id. stuck: ids whose load does not end. broken: what a load raises, by id."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.stuck: set[str] = set()
        self.broken: dict[str, LoadFailed] = {}
        self.loads: list[str] = []
        self.runners: list[Runner] = []
        self.evictions = 0
        self.attempted: list[str] = []
        self.clock = ManualClock()

    def session(self, assignment: Assignment, admission: Admission, members: Members) -> Session:
        slot, runner, version_id = Slot(assignment, self.clock), Runner(), assignment.version_id
        size = self.sizes.get(version_id, 10)
        facts = VersionFacts("alpha", version_id, "m", version_id.rpartition("-")[2], _DIGEST, size)
        self.runners.append(runner)

        async def load() -> None:
            self.loads.append(version_id)
            slot.facts = facts
            try:
                async with admission(facts):
                    slot.move(ModelState.LOADING, "")
                    if version_id in self.stuck:
                        await asyncio.Event().wait()
                    if version_id in self.broken:
                        raise self.broken[version_id]
                    slot.ready(Loaded(facts, _SCHEMA, False, self.clock.now(), size), "")
            except LoadFailed as error:
                slot.move(ModelState.FAILED, str(error), error.reason)

        return Session(slot, runner, Predict(slot, runner, RequestCounts(), self.clock), load)

    async def version_id(self, model_name: str, version: str) -> str:
        if model_name != "delays":
            raise NotFound("no such model")
        return f"v-{version}"

    @asynccontextmanager
    async def attempt(self, facts: VersionFacts) -> AsyncIterator[None]:
        self.attempted.append(facts.version_id)
        if facts.version_id == "v-bad":
            raise Quarantined("it has ended 2 processes")
        yield

    def evicted(self) -> None:
        self.evictions += 1


@pytest.fixture
def world() -> World:
    return World()
