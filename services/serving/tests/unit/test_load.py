"""Bringing a model up, whatever the registry and the artifact do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from fp_kernel import Error, FailedPrecondition, NotFound, Unauthenticated, Unavailable, invalid
from fp_serving.app.slot import VersionFacts
from fp_serving.domain.arrays import Array
from fp_serving.domain.lifecycle import LoadFailed, ModelState, WrongDigest
from serving_loads import FACTS, HERE, FakeArtifacts, FakeRegistry, Identity, Mixing, Setting

if TYPE_CHECKING:
    from fp_testkit.clock import ManualClock


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
    assert loaded.facts == FACTS
    assert loaded.memory_bytes == FACTS.size_bytes + 128 * 1024, "the process does not seem to grow by a small model"
    assert setting.runner.shares


@pytest.mark.parametrize("trouble", [Unavailable("away"), Unauthenticated("keys are not loaded yet")])
async def test_it_waits_while_registry_or_auth_are_away(trouble: Error) -> None:
    setting = Setting(registry=FakeRegistry(trouble, trouble, FACTS))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY
    assert setting.registry.asked == 3


async def test_it_waits_while_the_object_store_is_away() -> None:
    setting = Setting(artifacts=FakeArtifacts(Unavailable("away"), HERE))
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
    same = Setting(digest=FACTS.digest)
    await same.load()
    assert same.slot.status.state is ModelState.READY


async def test_a_wrong_digest_is_downloaded_once_more() -> None:
    setting = Setting(artifacts=FakeArtifacts(WrongDigest("other"), HERE))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY


async def test_a_wrong_digest_twice_fails() -> None:
    setting = Setting(artifacts=FakeArtifacts(WrongDigest("other"), WrongDigest("digest is other")))
    await setting.load()
    assert (setting.slot.status.message, setting.slot.status.reason) == ("digest is other", "DIGEST_MISMATCH")


async def test_what_is_known_and_here_needs_no_registry() -> None:
    setting = Setting(registry=FakeRegistry(), artifacts=FakeArtifacts(known=FACTS, here=True))
    await setting.load()
    assert setting.slot.status.state is ModelState.READY
    assert setting.registry.asked == 0


async def test_what_another_team_learned_is_not_believed() -> None:
    other = VersionFacts("beta", "v-1", "m-1", "9", FACTS.digest, 10)
    setting = Setting(artifacts=FakeArtifacts(HERE, known=other))
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


@pytest.mark.parametrize(
    ("seconds", "widens", "loads"), [(0.003, True, [False, True]), (0.003, False, [False]), (0.001, True, [False])]
)
async def test_only_a_model_with_long_runs_gets_more_threads(
    *, seconds: float, widens: bool, loads: list[bool]
) -> None:
    setting = Setting(model=Identity(run=lambda: setting.clock.advance(seconds), widens=widens))
    await setting.load()
    assert setting.slot.is_ready
    assert setting.engine.loads == loads
