from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fp_kernel import FailedPrecondition
from fp_registry.domain.artifact import Measured
from fp_registry.domain.model import NewModel, register
from fp_registry.domain.promotion import promote, rollback
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import NewVersion, add_version, make_ready

NOW = datetime(2013, 3, 1, tzinfo=UTC)


@pytest.fixture
def two_ready():
    model = register(NewModel(name="flights"), team="alpha", owner_id="ann", now=NOW)
    versions = []
    for _ in range(2):
        model, version = add_version(model, NewVersion(), by="ann", now=NOW)
        model, version = make_ready(model, version, Measured("sha256:" + "0" * 64, 1), NOW)
        versions.append(version)
    return model, *versions


def test_the_incumbent_of_production_is_archived_by_the_promotion(two_ready):
    model, first, second = two_ready
    served = promote(model, first, Stage.PRODUCTION, None, NOW)
    assert (served.demoted, served.model.production_version) == (None, "1")
    move = promote(served.model, second, Stage.PRODUCTION, served.version, NOW)
    assert (move.demoted.id, move.demoted.stage) == (first.id, Stage.ARCHIVED)
    assert move.model.production_version == "2"
    assert move.model.revision == move.version.revision == move.demoted.revision


def test_promoting_to_staging_touches_no_incumbent(two_ready):
    model, first, second = two_ready
    served = promote(model, first, Stage.PRODUCTION, None, NOW)
    move = promote(served.model, second, Stage.STAGING, served.version, NOW)
    assert move.demoted is None
    assert move.model.production_version == "1"


def test_a_version_that_stands_there_already_is_left_alone(two_ready):
    model, first, _ = two_ready
    served = promote(model, first, Stage.PRODUCTION, None, NOW)
    assert promote(served.model, served.version, Stage.PRODUCTION, served.version, NOW) is None


def test_archiving_the_production_version_leaves_none(two_ready):
    model, first, _ = two_ready
    served = promote(model, first, Stage.PRODUCTION, None, NOW)
    move = promote(served.model, served.version, Stage.ARCHIVED, served.version, NOW)
    assert move.model.production_version == ""
    assert move.leaves_production
    assert not move.enters_production


def test_a_rollback_swaps_production_and_its_predecessor(two_ready):
    model, first, second = two_ready
    one = promote(model, first, Stage.PRODUCTION, None, NOW)
    two = promote(one.model, second, Stage.PRODUCTION, one.version, NOW)
    back = rollback(two.model, two.demoted, two.version, NOW)
    assert (back.version.id, back.version.stage, back.origin) == (first.id, Stage.PRODUCTION, Stage.ARCHIVED)
    assert (back.demoted.id, back.demoted.stage) == (second.id, Stage.ARCHIVED)


def test_without_a_predecessor_there_is_nothing_to_roll_back_to(two_ready):
    model, first, _ = two_ready
    served = promote(model, first, Stage.PRODUCTION, None, NOW)
    with pytest.raises(FailedPrecondition) as refused:
        rollback(served.model, None, served.version, NOW)
    assert refused.value.reason == "NOTHING_TO_ROLL_BACK_TO"


def test_an_archived_model_promotes_nothing(two_ready):
    model, first, _ = two_ready
    with pytest.raises(FailedPrecondition):
        promote(replace(model, archived_at=NOW), first, Stage.STAGING, None, NOW)
