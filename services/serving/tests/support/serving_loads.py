"""A load whose registry, artifacts, engine, runner and members are a test's."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
from fp_kernel import Error
from fp_kernel.ensembles import Ensemble, Step
from fp_kernel.signatures import Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_serving.app.load import Load, Patience
from fp_serving.app.ports import Model
from fp_serving.app.slot import Assignment, Slot, VersionFacts
from fp_serving.domain.arrays import Array, decode, encode
from fp_serving.domain.lifecycle import LoadFailed
from fp_serving.domain.schema import Schema
from fp_testkit.clock import ManualClock

FACTS = VersionFacts("alpha", "v-1", "m-1", "3", "sha256:" + "0" * 64, 10)
HERE = Path("artifact")


class FakeRegistry:
    def __init__(self, *answers: VersionFacts | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def version(self, version_id: str) -> VersionFacts:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def download_url(self, version_id: str) -> str:
        return f"https://store/{version_id}"


class FakeArtifacts:
    def __init__(self, *downloads: Path | Exception, known: VersionFacts | None = None, here: bool = False) -> None:
        self.downloads = list(downloads)
        self.known = known
        self.here = here
        self.composed: Ensemble | None = None

    async def recall(self, version_id: str) -> VersionFacts | None:
        return self.known

    async def remember(self, facts: VersionFacts) -> None:
        self.known = facts

    async def find(self, digest: str) -> Path | None:
        return HERE if self.here else None

    async def ensemble(self, path: Path) -> Ensemble | None:
        return self.composed

    async def fetch(self, facts: VersionFacts, url: Callable[[], Awaitable[str]]) -> Path:
        assert await url() == "https://store/v-1"
        download = self.downloads.pop(0)
        if isinstance(download, Exception):
            raise download
        return download


class Identity:
    """y = x; rows do not know each other. broken: what a run raises. run: what it does besides."""

    def __init__(
        self,
        *,
        left_out: tuple[str, ...] = (),
        width: int = 2,
        broken: Error | None = None,
        row_wise: bool = True,
        run: Callable[[], object] = lambda: None,
        widens: bool = False,
    ) -> None:
        x = TensorSpec("x", ElementType.FLOAT32, (-1, width))
        self.schema = Schema((x,), (TensorSpec("y", ElementType.FLOAT32, (-1, width)),), left_out)
        self.broken = broken
        self.row_wise = row_wise
        self.widens = widens
        self._run = run

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        if self.broken:
            raise self.broken
        self._run()
        return {"y": inputs["x"]}


class Mixing(Identity):
    """Each row gets the mean of all."""

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        x = inputs["x"]
        return {"y": np.broadcast_to(x.mean(axis=0), x.shape)}


class FakeEngine:
    def __init__(self, model: Model | Exception) -> None:
        self.model = model
        self.given: Sequence[Mapping[str, Tensor]] | Exception = ()
        self.loads: list[bool] = []

    def load(self, path: Path, *, wide: bool = False) -> Model:
        self.loads.append(wide)
        if isinstance(self.model, Exception):
            raise self.model
        return self.model

    def samples(self, path: Path, schema: Schema) -> Sequence[Mapping[str, Tensor]]:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


class FakeMembers:
    """Each step is a model that doubles. broken: what it raises."""

    def __init__(self) -> None:
        self.signature = Signature(Identity().schema.inputs, Identity().schema.outputs)
        self.broken: Exception | None = None
        self.asked: list[str] = []

    async def up(self, steps: Sequence[Step]) -> Mapping[str, Signature]:
        if isinstance(self.broken, LoadFailed):
            raise self.broken
        return {step.name: self.signature for step in steps}

    async def ask(self, step: Step, inputs: Mapping[str, Tensor], *, deadline: float) -> Mapping[str, Tensor]:
        self.asked.append(step.name)
        if self.broken is not None:
            raise self.broken
        return {"y": encode(decode(inputs["x"], "x") * 2)}


class FakeRunner:
    def __init__(self) -> None:
        self.shares: bool | None = None
        self.seconds = 0.0

    def start(self, model: Model, *, shares: bool, seconds: float) -> None:
        self.shares = shares
        self.seconds = seconds

    async def submit(
        self, inputs: Mapping[str, Array], *, key: Hashable, rows: int, deadline: float
    ) -> Mapping[str, Tensor]:
        raise NotImplementedError

    @property
    def queue_age(self) -> float:
        return 0.0

    async def close(self) -> None:
        """Nothing."""


class Setting:
    def __init__(
        self,
        *,
        registry: FakeRegistry | None = None,
        artifacts: FakeArtifacts | None = None,
        model: Model | Exception | None = None,
        digest: str = "",
    ) -> None:
        self.clock = clock = ManualClock()
        self.slot = Slot(Assignment("alpha", "v-1", "delays", digest), clock)
        self.registry = registry or FakeRegistry(FACTS)
        self.artifacts = artifacts or FakeArtifacts(HERE)
        self.runner, self.members = FakeRunner(), FakeMembers()
        self.engine = FakeEngine(model or Identity())
        self.load = Load(
            self.slot,
            registry=self.registry,
            artifacts=self.artifacts,
            engine=self.engine,
            runner=self.runner,
            clock=clock,
            patience=Patience(first=0.0, longest=0.0),
            members=self.members,
        )
