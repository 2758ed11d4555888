"""Ids that a retry finds again."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from fp_inference.domain.request_ids import digest, request_id
from hypothesis import given
from hypothesis import strategies as st

_Name = st.text(max_size=20)
_Body = st.binary(max_size=8)
_Day = st.dates(date(1970, 1, 1), date(2262, 1, 1))
_Request = st.tuples(_Name, _Name, _Name, _Body, _Day)


@given(_Request)
def test_a_retry_of_the_day_is_the_same_request(asked: tuple[str, str, str, bytes, date]) -> None:
    made = request_id(*asked)
    assert made == request_id(*asked)
    assert str(UUID(made)) == made


@given(_Request, _Request)
def test_another_team_rpc_key_body_or_day_is_another_request(
    asked: tuple[str, str, str, bytes, date], other: tuple[str, str, str, bytes, date]
) -> None:
    assert (request_id(*asked) == request_id(*other)) == (asked == other)


@given(_Request, st.integers(1, 400))
def test_the_same_key_on_another_day_is_another_request(asked: tuple[str, str, str, bytes, date], days: int) -> None:
    *same, day = asked
    assert request_id(*asked) != request_id(*same, day + timedelta(days=days))


@given(_Request)
def test_an_id_is_a_uuid7_of_the_start_of_its_day(asked: tuple[str, str, str, bytes, date]) -> None:
    made = UUID(request_id(*asked))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert datetime.fromtimestamp((made.int >> 80) / 1_000, UTC) == datetime.combine(
        asked[-1], datetime.min.time(), UTC
    )


@given(_Request, _Request)
def test_ids_sort_by_their_days(
    asked: tuple[str, str, str, bytes, date], other: tuple[str, str, str, bytes, date]
) -> None:
    if asked[-1] < other[-1]:
        assert request_id(*asked) < request_id(*other)


def test_parts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")
