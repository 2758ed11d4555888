"""Summaries are copied: into notifications, webhooks and mails, which outlive the event and leave the platform."""

from typing import get_args

import pytest
from fp_auth.adapters.events import to_event
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.events import (
    ApiKeyIssued,
    ApiKeyRevoked,
    DomainEvent,
    IdentityEnded,
    IdentityRestored,
    RoleKept,
    UserCreated,
)
from fp_auth.domain.users import User
from fp_auth.domain.withdrawals import Withdrawal
from fp_testkit.wallclock import MOMENT

NAME, LOCAL, DOMAIN = "Ada Lovelace", "countess", "lovelace.example"
USER = User("u1", f"{LOCAL}@{DOMAIN}", NAME, "alpha", "admin", MOMENT, "hash")
KEY = ApiKey("k1", "alpha", USER.id, f"laptop of {NAME}", "fp_abc", frozenset(("models:read",)), MOMENT)
ENDED = Withdrawal("user", USER.id, MOMENT)
EVENTS = (
    UserCreated(USER, USER.id),
    ApiKeyIssued(KEY, "", USER.id),
    ApiKeyRevoked(KEY, MOMENT, USER.id),
    IdentityEnded(ENDED, "alpha", "deleted", MOMENT, USER.id),
    IdentityRestored(ENDED, "alpha", MOMENT, USER.id),
    RoleKept(USER, "viewer", MOMENT),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_no_summary_has_a_name_or_an_address_of_a_person(event):
    summary = to_event(event).summary
    assert summary
    assert not [part for part in (NAME, LOCAL, DOMAIN) if part in summary]


def test_every_event_is_among_them():
    assert {type(event) for event in EVENTS} == set(get_args(DomainEvent))
