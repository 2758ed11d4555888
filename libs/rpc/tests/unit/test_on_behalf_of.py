"""The on-behalf-of headers."""

from dataclasses import replace

import pytest
from fp_kernel import InvalidArgument, PermissionDenied, Principal
from fp_rpc import acting_for, headers
from fp_rpc.client.on_behalf_of import acting_now
from fp_rpc.identity.caller import on_behalf_headers, on_behalf_of
from fp_rpc.server.incoming_call import Call, enter
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def service(viewer):
    return replace(viewer, user_id="registry", team="", role="service", service="registry")


@given(st.text(min_size=1, max_size=100), st.text(max_size=100))
def test_a_team_of_any_text_goes_over_as_printable_ascii(team, user_id):
    pairs = on_behalf_headers(team, user_id)

    assert all(value.isascii() and value.isprintable() for _, value in pairs)


@given(team=st.text(min_size=1, max_size=100), user_id=st.text(max_size=100))
def test_a_team_and_a_user_come_out_as_they_went_in(team, user_id):
    service = Principal("registry", "", "service", frozenset(), 4e9, service="registry")
    caller = on_behalf_of(service, dict(on_behalf_headers(team, user_id)))

    assert (caller.team, caller.user_id, caller.service) == (team, user_id or "registry", "registry")


def test_without_headers_a_principal_stays_itself(viewer):
    assert on_behalf_of(viewer, {}) is viewer


@pytest.mark.parametrize("header", [headers.TEAM, headers.USER])
def test_only_a_service_may_send_them(viewer, header):
    with pytest.raises(PermissionDenied):
        on_behalf_of(viewer, {header: "x"})


@pytest.mark.parametrize("metadata", [{headers.USER: "u"}, {headers.TEAM: ""}, {headers.TEAM: "t" * 2_000}])
def test_headers_that_name_no_team_are_refused(service, metadata):
    with pytest.raises(InvalidArgument):
        on_behalf_of(service, metadata)


def test_nobody_is_acted_for_outside_of_everything():
    assert acting_now() == ("", "")


async def test_the_caller_is_acted_for_and_acting_for_goes_before(viewer):
    # In a task of its own, as calls are: the next test must not find it.
    enter(Call("/x/Y", rule=None, principal=viewer))

    assert acting_now() == ("red", "user-1")
    with acting_for("blue"):
        assert acting_now() == ("blue", "")
    assert acting_now() == ("red", "user-1")
