"""A model comes up once, or fails once."""

from datetime import UTC, datetime

import pytest
from fp_serving.domain.lifecycle import Lifecycle, ModelState

_NOW = datetime(2013, 1, 1, tzinfo=UTC)
_LATER = datetime(2013, 1, 2, tzinfo=UTC)


def test_a_model_is_downloaded_loaded_and_ready() -> None:
    life = Lifecycle(_NOW)
    for state in (ModelState.DOWNLOADING, ModelState.LOADING, ModelState.READY):
        life.move(state, "as it goes", _LATER)
    assert life.status.state is ModelState.READY
    assert life.status.updated_at == _LATER


@pytest.mark.parametrize("before", [(), (ModelState.LOADING,)])
def test_a_model_can_fail_until_it_is_ready(before: tuple[ModelState, ...]) -> None:
    life = Lifecycle(_NOW)
    for state in (*before, ModelState.FAILED):
        life.move(state, "why", _NOW)
    assert life.status.message == "why"


@pytest.mark.parametrize("last", [ModelState.READY, ModelState.FAILED])
def test_nothing_follows_the_end(last: ModelState) -> None:
    life = Lifecycle(_NOW)
    life.move(ModelState.LOADING, "", _NOW)
    life.move(last, "", _NOW)
    for state in ModelState:
        with pytest.raises(ValueError, match="does not go"):
            life.move(state, "", _NOW)
