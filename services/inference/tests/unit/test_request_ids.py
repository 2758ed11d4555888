"""Ids that a retry finds again."""

from uuid import UUID

from fp_inference.domain.request_ids import digest, event_id, request_id
from hypothesis import given
from hypothesis import strategies as st

_Name = st.text(max_size=20)


@given(_Name, _Name)
def test_the_same_key_makes_the_same_request(team: str, key: str) -> None:
    made = request_id(team, "Predict", key)
    assert made == request_id(team, "Predict", key)
    assert UUID(made).version == 8
    assert str(UUID(made)) == made


@given(_Name, _Name, _Name, _Name)
def test_another_team_or_key_is_another_request(team: str, key: str, other_team: str, other_key: str) -> None:
    same = (team, key) == (other_team, other_key)
    assert (request_id(team, "Predict", key) == request_id(other_team, "Predict", other_key)) == same


def test_parts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_a_request_has_one_event_of_each_kind() -> None:
    request = request_id("alpha", "Predict", "k")
    completed = event_id("fp.inference.completed", request)
    assert completed == event_id("fp.inference.completed", request)
    assert completed != event_id("fp.inference.failed", request)
    assert completed != request
