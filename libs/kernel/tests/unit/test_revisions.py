from datetime import UTC, datetime, timedelta

import pytest
from fp_kernel import Aborted
from fp_kernel.revisions import check_revision, first_revision
from hypothesis import given
from hypothesis import strategies as st

REVISIONS = st.integers(0, 2**63 - 1)


@given(REVISIONS, REVISIONS)
def test_a_change_is_refused_exactly_when_it_expects_another_revision(expected, present):
    if expected == present:
        check_revision(expected, present)
        return
    with pytest.raises(Aborted) as caught:
        check_revision(expected, present)
    assert caught.value.reason == "REVISION_CHANGED"
    assert caught.value.retry_after is None, "the same request again would be refused again"


@given(REVISIONS)
def test_a_change_without_an_expectation_is_never_refused(present):
    check_revision(None, present, changed_by="ann")


@pytest.mark.parametrize(
    ("expected", "present", "said"),
    [(1, 2, "was changed meanwhile by ann"), (0, 1, "was made meanwhile by ann"), (3, 0, "is not there any more")],
)
def test_the_refusal_says_what_happened_and_who_did_it(expected, present, said):
    with pytest.raises(Aborted) as caught:
        check_revision(expected, present, changed_by="ann")
    assert said in caught.value.message
    assert caught.value.metadata["changed_by"] == "ann"


def test_what_is_made_in_the_place_of_another_begins_at_another_revision():
    then = datetime(2026, 1, 2, tzinfo=UTC)
    assert first_revision(then + timedelta(microseconds=1)) == first_revision(then) + 1
    assert first_revision(datetime(1970, 1, 1, tzinfo=UTC)) == 1, "0 says that nothing is there"
