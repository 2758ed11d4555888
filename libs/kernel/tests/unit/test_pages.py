"""Page tokens come back as they went out, to the list they came from."""

import base64
import json
from dataclasses import dataclass

import pytest
from fp_kernel import InvalidArgument, Page, new_id, next_token, page_by_id, page_request, page_request_by_id
from hypothesis import given
from hypothesis import strategies as st

texts = st.text(max_size=60)
positions = st.lists(texts, min_size=1, max_size=4)
scopes = st.lists(texts, max_size=4)


@given(positions, scopes)
def test_a_token_gives_back_its_position(position, scope):
    token = next_token(position, scope=scope)

    assert page_request(0, token, scope=scope).after == tuple(position)


@given(positions, scopes)
def test_a_token_is_plain_text_for_a_url(position, scope):
    token = next_token(position, scope=scope)

    assert token.isascii()
    assert not set(token) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(positions, scopes, scopes)
def test_a_token_of_another_list_is_refused(position, scope, other):
    token = next_token(position, scope=scope)

    if scope != other:
        with pytest.raises(InvalidArgument) as raised:
            page_request(0, token, scope=other)
        assert raised.value.fields[0].field == "pagination.page_token"


def test_moving_a_boundary_between_parts_makes_another_scope():
    token = next_token(["p"], scope=["team", "a", "b"])

    for scope in (["team", "ab"], ["teama", "b"], ["team", "a,b"], ["team", "a", "b", ""]):
        with pytest.raises(InvalidArgument):
            page_request(0, token, scope=scope)


def encoded(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@given(st.text(min_size=1, max_size=200) | st.binary(min_size=1, max_size=90).map(lambda raw: raw.hex()))
def test_anything_that_is_no_token_is_an_invalid_argument(text):
    with pytest.raises(InvalidArgument):
        page_request(0, text, scope=["team"])


@pytest.mark.parametrize("document", [None, 1, "x", {}, [], ["x"], [1, 2], [["x"], "y"], ["x", None]])
def test_a_well_formed_lie_is_an_invalid_argument(document):
    with pytest.raises(InvalidArgument):
        page_request(0, encoded(document), scope=["team"])


def test_a_token_that_is_too_long_is_not_even_read():
    with pytest.raises(InvalidArgument):
        page_request(0, next_token(["x" * 3_000], scope=["team"]), scope=["team"])


@given(positions)
def test_a_changed_token_never_becomes_a_token_of_another_scope(position):
    token = next_token(position, scope=["red"])
    forged = encoded([encoded(["blue"]), *position])

    for each in (token, forged):
        with pytest.raises(InvalidArgument):
            page_request(0, each, scope=["blue"])


@pytest.mark.parametrize(("asked", "size"), [(0, 20), (1, 1), (100, 100), (101, 100), (10**9, 100)])
def test_the_size_is_clamped(asked, size):
    assert page_request(asked, "", scope=[]).size == size


def test_a_list_may_have_its_own_sizes():
    assert page_request(0, "", scope=[], default=5, cap=7).size == 5
    assert page_request(9, "", scope=[], default=5, cap=7).size == 7


def test_a_negative_size_is_named():
    with pytest.raises(InvalidArgument) as raised:
        page_request(-1, "", scope=[])

    assert raised.value.fields[0].field == "pagination.page_size"


def test_the_first_page_starts_nowhere():
    assert page_request(10, "", scope=["team"]).after is None
    assert Page((1, 2)).next_token == ""


@given(st.lists(st.integers(0, 50), unique=True, max_size=40), st.integers(1, 7))
def test_walking_pages_sees_every_row_once_and_in_order(rows, size):
    """As a store would: `where key > after order by key limit size`."""
    rows.sort()
    seen, token = [], ""
    while True:
        request = page_request(size, token, scope=["team"])
        start = 0 if request.after is None else int(request.after[0]) + 1
        page = [row for row in rows if row >= start][: request.size]
        seen.extend(page)
        if len(page) < request.size:
            break
        token = next_token([str(page[-1])], scope=["team"])

    assert seen == rows


@dataclass(frozen=True)
class Row:
    id: str


@pytest.mark.parametrize("position", [("no id",), (new_id(), new_id()), ("",)])
def test_a_token_whose_position_is_no_id_is_refused_in_a_list_by_id(position):
    token = next_token(position, scope=("team",))

    with pytest.raises(InvalidArgument, match="page_token"):
        page_request_by_id(0, token, scope=("team",))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_pages_by_id_together_are_the_list(count):
    rows, token, shown = sorted(new_id() for _ in range(count)), "", []
    while token or not shown:
        request = page_request_by_id(2, token, scope=("team",))
        after = request.after[0] if request.after else ""
        read = [Row(each) for each in rows if each > after][: request.size + 1]
        page = page_by_id(read, request, scope=("team",))
        shown.append([row.id for row in page.items])
        token = page.next_token
    assert [each for page in shown for each in page] == rows
