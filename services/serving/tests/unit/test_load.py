"""Bringing a model up, whatever the registry and the artifact do."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from pathlib import Path

import numpy as np
import pytest
from fp_kernel import Error, FailedPrecondition, NotFound, Unauthenticated, Unavailable, invalid
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_serving.app.load import Load, Patience
from fp_serving.app.ports import Model
from fp_serving.app.slot import Assignment, Slot, VersionFacts
from fp_serving.domain.arrays import Array
from fp_serving.domain.lifecycle import LoadFailed, ModelState, WrongDigest
from fp_serving.domain.schema import Schema
from fp_testkit.clock import ManualClock

_FACTS = VersionFacts("alpha", "v-1", "m-1", "3", "sha256:" + "0" * 64, 10)
_HERE = Path("artifact")


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

    async def recall(self, version_id: str) -> VersionFacts | None:
        return self.known

    async def remember(self, facts: VersionFacts) -> None:
        self.known = facts

    async def find(self, digest: str) -> Path | None:
        return _HERE if self.here else None

    async def fetch(self, facts: VersionFacts, url: Callable[[], Awaitable[str]]) -> Path:
        assert await url() == "https://store/v-1"
        download = self.downloads.pop(0)
        if isinstance(download, Exception):
            raise download
        return download


class Identity:
    """y = x; rows do not know each other. broken: what a run raises."""

    def __init__(
        self,
        *,
        left_out: tuple[str, ...] = (),
        width: int = 2,
        broken: Error | None = None,
        row_wise: bool = True,
    ) -> None:
        x = TensorSpec("x", ElementType.FLOAT32, (-1, width))
        self.schema = Schema((x,), (TensorSpec("y", ElementType.FLOAT32, (-1, width)),), left_out)
        self.broken = broken
        self.row_wise = row_wise

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        if self.broken:
            raise self.broken
        return {"y": inputs["x"]}


class Mixing(Identity):
    """Each row gets the mean of all."""

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        x = inputs["x"]
        return {"y": np.broadcast_to(x.mean(axis=0), x.shape)}


class FakeEngine:
    def __init__(self, model: Model | Exception) -> None:
        self.model = model

    def load(self, path: Path) -> Model:
        if isinstance(self.model, Exception):
            raise self.model
        return self.model


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
        self.registry = registry or FakeRegistry(_FACTS)
        self.artifacts = artifacts or FakeArtifacts(_HERE)
        self.runner = FakeRunner()
        self.load = Load(
            self.slot,
            registry=self.registry,
            artifacts=self.artifacts,
            engine=FakeEngine(model or Identity()),
            runner=self.runner,
            clock=clock,
            patience=Patience(first=0.0, longest=0.0),
        )


async def test_what_the_graph_mixes_never_shares_however_the_probe_ends() -> None:
    setting = Setting(model=Identity(row_wise=False))
    await setting.load()
    assert setting.runner.shares is False
    assert setting.slot.status.message == "requests run one by one"


async def test_a_model_comes_up_and_shares_runs() -> None:
    setting = Setting()
    await setting.load()
    loaded = setting.slot.loaded()
    assert setting.slot.status.state is ModelState.READY
    assert setting.slot.status.message == ""
    assert loaded.facts == _FACTS
    assert loaded.memory_bytes == _FACTS.size_bytes + 128 * 1024, "the process does not seem to grow by a small model"
    assert setting.runner.shares


@pytest.mark.parametrize("trouble", [Unavailable("away"), Unauthenticated("keys are not loaded yet")])
async def test_it_waits_while_registry_or_auth_are_away(trouble: Error) -> None:
    setting = Setting(registry=FakeRegistry(trouble, trouble, _FACTS))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY
    assert setting.registry.asked == 3


async def test_it_waits_while_the_object_store_is_away() -> None:
    setting = Setting(artifacts=FakeArtifacts(Unavailable("away"), _HERE))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY


@pytest.mark.parametrize("reason", [NotFound("no such version"), LoadFailed("version 3 is not READY")])
async def test_a_version_that_cannot_be_served_fails_with_the_reason(reason: NotFound | LoadFailed) -> None:
    setting = Setting(registry=FakeRegistry(reason))
    await setting.load()
    assert setting.slot.status.state is ModelState.FAILED
    assert (setting.slot.status.message, setting.slot.status.reason) == (str(reason), reason.reason)
    with pytest.raises(FailedPrecondition, match=str(reason)):
        setting.slot.loaded()


async def test_a_version_with_another_digest_than_was_asked_for_fails() -> None:
    setting = Setting(digest="sha256:" + "1" * 64)
    await setting.load()
    assert (setting.slot.status.state, setting.slot.status.reason) == (ModelState.FAILED, "DIGEST_MISMATCH")
    same = Setting(digest=_FACTS.digest)
    await same.load()
    assert same.slot.status.state is ModelState.READY


async def test_a_wrong_digest_is_downloaded_once_more() -> None:
    setting = Setting(artifacts=FakeArtifacts(WrongDigest("other"), _HERE))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY


async def test_a_wrong_digest_twice_fails() -> None:
    setting = Setting(artifacts=FakeArtifacts(WrongDigest("other"), WrongDigest("digest is other")))
    await setting.load()
    assert (setting.slot.status.message, setting.slot.status.reason) == ("digest is other", "DIGEST_MISMATCH")


async def test_what_is_known_and_here_needs_no_registry() -> None:
    setting = Setting(registry=FakeRegistry(), artifacts=FakeArtifacts(known=_FACTS, here=True))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY
    assert setting.registry.asked == 0


async def test_what_another_team_learned_is_not_believed() -> None:
    other = VersionFacts("beta", "v-1", "m-1", "9", _FACTS.digest, 10)
    setting = Setting(artifacts=FakeArtifacts(_HERE, known=other))
    await setting.load()
    assert setting.slot.loaded().facts.version == "3"


async def test_a_corrupt_model_fails_and_the_process_goes_on() -> None:
    setting = Setting(model=LoadFailed("not a model"))
    await setting.load()
    assert setting.slot.status.message == "not a model"


async def test_an_unknown_trouble_is_not_told_to_callers() -> None:
    setting = Setting(model=RuntimeError("/secret/path"))
    await setting.load()
    assert setting.slot.status.message == "internal error while loading"


async def test_a_model_that_cannot_run_what_any_model_can_fails() -> None:
    setting = Setting(model=Identity(broken=invalid("inputs", "shape bug")))
    await setting.load()
    assert "does not run" in setting.slot.status.message


async def test_a_model_whose_inputs_cannot_be_guessed_is_served_without_warming() -> None:
    setting = Setting(model=Identity(width=-1, broken=invalid("inputs", "too narrow")))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY
    assert "not warmed" in setting.slot.status.message
    assert setting.runner.shares is False


async def test_rows_that_know_each_other_do_not_share_a_run() -> None:
    setting = Setting(model=Mixing())
    await setting.load()
    assert setting.runner.shares is False
    assert setting.slot.status.message == "requests run one by one"


async def test_what_is_left_out_is_said() -> None:
    setting = Setting(model=Identity(left_out=("maps (seq)",)))
    await setting.load()
    assert setting.slot.status.message == "only tensors are served; left out: maps (seq)"


def test_before_it_is_ready_callers_are_told_to_come_back() -> None:
    setting = Setting()
    with pytest.raises(Unavailable) as caught:
        setting.slot.loaded()
    assert caught.value.retry_after == 1.0


class Timed(Identity):
    """Takes these seconds, one after the other, by the clock of its setting."""

    def __init__(self, *seconds: float) -> None:
        super().__init__()
        self.seconds = list(seconds)
        self.clock: ManualClock | None = None

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        if self.clock is not None and self.seconds:
            self.clock.advance(self.seconds.pop(0))
        return super().run(inputs)


async def test_a_model_is_as_quick_as_the_quickest_of_its_measured_runs() -> None:
    # Five runs tell whether its rows are independent and warm it, five are measured.
    model = Timed(*[9.0] * 5, 0.3, 0.5, 0.2, 4.0, 0.3)
    setting = Setting(model=model)
    model.clock = setting.clock
    await setting.load()
    assert setting.runner.seconds == pytest.approx(0.2)


async def test_of_a_model_that_cannot_be_warmed_nothing_is_known() -> None:
    setting = Setting(model=Identity(width=-1, broken=invalid("inputs", "too narrow")))
    await setting.load()
    assert setting.runner.seconds == float("inf")
