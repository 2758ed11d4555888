import pytest
from fp_kernel import FailedPrecondition
from fp_registry.domain.stages import Stage, Status, check_move

ALLOWED = {
    (Stage.DEV, Stage.STAGING),
    (Stage.DEV, Stage.PRODUCTION),
    (Stage.DEV, Stage.ARCHIVED),
    (Stage.STAGING, Stage.PRODUCTION),
    (Stage.STAGING, Stage.ARCHIVED),
    (Stage.PRODUCTION, Stage.ARCHIVED),
}


@pytest.mark.parametrize("origin", Stage)
@pytest.mark.parametrize("target", Stage)
def test_a_ready_version_moves_forward_and_never_back(origin, target):
    if (origin, target) in ALLOWED:
        check_move(origin, Status.READY, target)
    else:
        with pytest.raises(FailedPrecondition) as refused:
            check_move(origin, Status.READY, target)
        assert refused.value.reason == "STAGE_MOVE_REFUSED"


@pytest.mark.parametrize("status", [Status.PENDING_UPLOAD, Status.FAILED])
@pytest.mark.parametrize("target", [Stage.STAGING, Stage.PRODUCTION])
def test_only_a_ready_version_is_staged_or_served(status, target):
    with pytest.raises(FailedPrecondition) as refused:
        check_move(Stage.DEV, status, target)
    assert refused.value.metadata == {"status": status}


@pytest.mark.parametrize("status", Status)
def test_a_version_of_any_status_can_be_archived(status):
    check_move(Stage.DEV, status, Stage.ARCHIVED)


def test_the_refusal_of_an_archived_version_names_the_way_back():
    with pytest.raises(FailedPrecondition, match="RollbackModel"):
        check_move(Stage.ARCHIVED, Status.READY, Stage.PRODUCTION)
