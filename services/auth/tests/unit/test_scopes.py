import pytest
from fp_auth.domain.scopes import covers, intersection, parse_scopes, permission
from fp_kernel import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

RESOURCES = ("models", "platform", "*")
ACTIONS = ("read", "write", "*")
scopes = st.frozensets(st.builds(lambda r, a: f"{r}:{a}", st.sampled_from(RESOURCES), st.sampled_from(ACTIONS)))
concrete = st.builds(lambda r, a: f"{r}:{a}", st.sampled_from(RESOURCES[:2]), st.sampled_from(ACTIONS[:2]))


@pytest.mark.parametrize(
    ("granted", "wanted", "allowed"),
    [
        ({"models:read"}, "models:read", True),
        ({"models:read"}, "models:write", False),
        ({"models:*"}, "models:write", True),
        ({"*:read"}, "features:read", True),
        ({"*:*"}, "audit:read", True),
        ({"models:read", "models:write"}, "models:*", False),
        ({"models:*"}, "*:read", False),
        ({"*:*"}, "platform:admin", False),
        ({"*:*", "platform:admin"}, "platform:admin", True),
        (set(), "models:read", False),
    ],
)
def test_a_scope_covers_what_its_halves_name(granted, wanted, allowed):
    assert covers(granted, wanted) is allowed


@given(scopes, scopes, concrete)
def test_an_intersection_allows_exactly_what_both_sides_allow(left, right, wanted):
    assert covers(intersection(left, right), wanted) == (covers(left, wanted) and covers(right, wanted))


def test_a_key_for_everything_shrinks_to_the_role_of_its_owner():
    assert intersection({"*:*"}, {"models:read", "features:read"}) == {"models:read", "features:read"}


def test_a_key_for_everything_of_a_team_does_not_operate_the_platform():
    assert intersection({"*:*"}, {"*:*", "platform:admin"}) == {"*:*"}


def test_a_wildcard_meets_the_other_wildcard_in_one_permission():
    assert intersection({"models:*"}, {"*:read"}) == {"models:read"}


@pytest.mark.parametrize(
    ("given_scopes", "field"),
    [
        ([], "scopes"),
        (["models:read", "models"], "scopes[1]"),
        (["models:fly"], "scopes[0]"),
        (["ponies:read"], "scopes[0]"),
        (["models:create"], "scopes[0]"),
        (["models:read:all"], "scopes[0]"),
        ([""], "scopes[0]"),
        (["models:read"] * 65, "scopes"),
    ],
)
def test_an_unknown_scope_is_refused_by_its_place(given_scopes, field):
    with pytest.raises(InvalidArgument) as refused:
        parse_scopes(given_scopes)
    assert [violation.field for violation in refused.value.fields] == [field]


def test_known_scopes_and_wildcards_are_taken():
    given_scopes = ["models:read", "predictions:create", "*:read", "models:*", "*:*", "api-keys:admin"]
    assert parse_scopes(given_scopes) == frozenset(given_scopes)


@pytest.mark.parametrize(("resource", "action", "field"), [("", "read", "resource"), ("models", "Read", "action")])
def test_a_question_about_no_permission_is_refused(resource, action, field):
    with pytest.raises(InvalidArgument, match=field):
        permission(resource, action)


@pytest.mark.parametrize(
    ("scope", "named"),
    [
        ("models:delete", "has no such action; models has admin, read, write"),
        ("cars:read", "resources api-keys"),
        ("models", "resources"),
    ],
)
def test_a_scope_that_is_none_hears_what_there_is(scope, named):
    with pytest.raises(InvalidArgument, match=named) as refused:
        parse_scopes(["models:read", scope])
    assert refused.value.fields[0].field == "scopes[1]"
