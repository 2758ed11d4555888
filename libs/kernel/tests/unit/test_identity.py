"""What a principal may do."""

from dataclasses import FrozenInstanceError

import pytest
from fp_kernel import Principal
from hypothesis import given
from hypothesis import strategies as st

words = st.just("platform") | st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True)
halves = words | st.just("*")
permissions = st.builds(lambda resource, action: f"{resource}:{action}", words, words)
scopes = st.frozensets(st.builds(lambda resource, action: f"{resource}:{action}", halves, halves), max_size=5)


def principal(*granted, **fields):
    defaults = {"user_id": "u", "team": "red", "role": "viewer", "expires_at": 4e9}
    return Principal(**{**defaults, **fields}, scopes=frozenset(granted))


@given(scopes, permissions)
def test_a_permission_is_granted_when_a_scope_matches_in_both_halves(granted, permission):
    resource, action = permission.split(":")

    def matches(scope):
        left, right = scope.split(":")
        return (left == resource or (left == "*" and resource != "platform")) and right in (action, "*")

    assert principal(*granted).may(permission) == any(matches(scope) for scope in granted)


@pytest.mark.parametrize(
    ("granted", "permission", "may"),
    [
        ("models:read", "models:read", True),
        ("models:read", "models:write", False),
        ("models:read", "model:read", False),
        ("models:*", "models:admin", True),
        ("models:*", "users:admin", False),
        ("*:read", "users:read", True),
        ("*:read", "users:write", False),
        ("*:*", "audit:admin", True),
        ("*:*", "platform:admin", False),
        ("*:admin", "platform:admin", False),
        ("platform:*", "platform:admin", True),
        ("platform:admin", "platform:admin", True),
        ("*", "models:read", False),
        ("models", "models:read", False),
        ("", "models:read", False),
    ],
)
def test_a_scope_grants_what_it_says_and_no_more(granted, permission, may):
    assert principal(granted).may(permission) is may


def test_without_scopes_nothing_is_granted():
    assert not principal().may("models:read")


def test_the_admin_of_a_team_is_no_operator_whatever_his_scopes():
    assert not principal("*:*", role="admin").is_operator
    assert principal("*:*", "platform:admin", role="operator").is_operator


def test_a_key_of_an_operator_without_his_permission_operates_nothing():
    assert not principal("*:*", role="operator").is_operator


def test_only_the_role_makes_a_service():
    assert principal(role="service").is_service
    assert not principal(service="registry").is_service


def test_a_service_that_acts_for_a_team_stays_itself():
    service = principal("models:read", user_id="pipeline", team="", role="service", service="pipeline")

    for_user, for_team = service.on_behalf_of("red", "u-1"), service.on_behalf_of("red", "")

    assert (for_user.team, for_user.user_id) == ("red", "u-1")
    assert (for_team.team, for_team.user_id) == ("red", "pipeline")
    assert (for_user.role, for_user.service, for_user.scopes) == ("service", "pipeline", service.scopes)
    assert (service.team, service.user_id) == ("", "pipeline")


def test_a_principal_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        principal().team = "blue"
