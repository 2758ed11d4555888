"""Credentials that end before their time."""

import asyncio
from dataclasses import replace

import pytest
from forgepoint.events.v1.events_pb2 import ApiKeyRevoked, ApiKeyRotated, IdentityEnded, IdentityRestored, UserCreated
from fp_kernel import Principal, Unauthenticated, Unavailable
from fp_rpc.identity.ended import EndedIdentities
from fp_rpc.identity.withdrawals import KINDS, Withdrawal, Withdrawals
from fp_testkit.clock import ManualClock

USER = Principal(
    user_id="ann",
    team="red",
    role="engineer",
    scopes=frozenset(),
    expires_at=4e9,
    issued_at=1_000.0,
    session_id="s-1",
    signing_key="kid-1",
)
KEY = replace(USER, api_key_id="key-1", session_id="", signing_key="")
JOB = replace(USER, role="job", execution_id="run-1", session_id="")
SERVICE = Principal(
    user_id="ann",
    team="red",
    role="service",
    scopes=frozenset(),
    expires_at=4e9,
    service="pipeline",
    signing_key="kid-1",
)
LATER = 10.0**10


class Auth:
    """What auth would list."""

    def __init__(self, *listed):
        self.listed, self.asked, self.away = list(listed), 0, False

    async def __call__(self):
        self.asked += 1
        if self.away:
            raise Unavailable("away")
        return self.listed


def withdrawn(kind, identity, revision=1, **more):
    return Withdrawal(kind, identity, revision, until=LATER, **more)


def held(*withdrawals):
    found = Withdrawals(Auth())
    for each in withdrawals:
        found.add(each)
    return found


@pytest.mark.parametrize(
    ("kind", "identity", "ended"),
    [
        ("user", "ann", {"user", "key", "job"}),
        ("team", "red", {"user", "key", "job"}),
        ("api_key", "key-1", {"key"}),
        ("session", "s-1", {"user"}),
        ("signing_key", "kid-1", {"user", "job", "service"}),
        ("execution", "run-1", {"job"}),
        ("user", "another", set()),
        ("team", "ann", set()),
        ("rocket", "ann", set()),
    ],
)
def test_who_ends_with_an_identity(kind, identity, ended):
    found = held(withdrawn(kind, identity))
    callers = {"user": USER, "key": KEY, "job": JOB, "service": SERVICE}
    assert {name for name, caller in callers.items() if found.ended(caller)} == ended


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_name_is_nobody(kind):
    anonymous = Principal(user_id="", team="", role="viewer", scopes=frozenset(), expires_at=0.0)
    assert not held(withdrawn(kind, "other")).ended(anonymous)


def test_logins_before_a_moment_end_and_later_ones_keys_and_jobs_go_on():
    found = held(withdrawn("user", "ann", before=1_000.5))
    assert found.ended(USER)
    assert not found.ended(replace(USER, issued_at=1_000.5))
    assert not found.ended(KEY)
    assert not found.ended(JOB)


def test_the_session_that_changed_the_password_goes_on():
    found = held(withdrawn("user", "ann", before=2_000.0, spared_session="s-1"))
    assert not found.ended(USER)
    assert found.ended(replace(USER, session_id="s-2"))
    assert found.ended(replace(USER, session_id=""))


def test_an_older_word_about_an_identity_changes_nothing():
    """The event of an enabling, and behind it by another way that of the disabling before."""
    found = held(withdrawn("user", "ann", 2, before=900.0), withdrawn("user", "ann", 1))
    assert not found.ended(USER)


async def test_what_ended_before_the_start_is_asked_for_once(clock):
    auth = Auth(withdrawn("user", "ann"))
    found = Withdrawals(auth, clock=clock)
    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            await found.check(USER)
        assert refused.value.reason == "IDENTITY_ENDED"
    await found.check(replace(USER, user_id="bob"))
    assert auth.asked == 1


async def test_nobody_but_services_passes_before_auth_was_asked():
    auth = Auth()
    auth.away = True
    found = Withdrawals(auth)
    for caller in (USER, KEY, JOB):
        with pytest.raises(Unavailable):
            await found.check(caller)
    await found.check(SERVICE)


async def test_an_event_that_did_not_come_is_made_up_for_within_a_minute(clock):
    auth = Auth()
    found = Withdrawals(auth, clock=clock)
    notified = asyncio.Event()
    found.subscribe(notified.set)
    await found.check(USER)
    auth.listed.append(withdrawn("user", "ann"))
    clock.advance(61)
    await found.check(USER)  # starts the question, beside the call
    await notified.wait()
    with pytest.raises(Unauthenticated):
        await found.check(USER)


async def test_what_is_held_stays_while_auth_is_away(clock):
    auth = Auth(withdrawn("user", "ann"))
    found = Withdrawals(auth, clock=clock)
    await found.renew()
    auth.away = True
    clock.advance(3_600)
    await found.renew()
    with pytest.raises(Unauthenticated):
        await found.check(USER)
    await found.check(replace(USER, user_id="bob"))


def test_what_no_token_can_be_out_for_is_forgotten():
    clock = ManualClock()
    now = clock.now().timestamp()
    found = Withdrawals(Auth(), clock=clock)
    for number in range(1_024):
        found.add(Withdrawal("session", f"s-{number}", 1, until=now + 60))
    clock.advance(61)
    found.add(withdrawn("user", "ann"))
    found.add(Withdrawal("user", "bob", 1, until=now))
    assert list(found._known) == [("user", "ann")]


class Keys:
    def __init__(self):
        self.dropped = []

    def drop(self, key_id):
        self.dropped.append(key_id)

    def ask_again(self):
        self.dropped.append("refused ones")


def ended(**fields):
    said = IdentityEnded(kind="user", id="ann", revision=1, **fields)
    said.until.FromSeconds(int(LATER))
    return said


def restored(before):
    said = IdentityRestored(kind="user", id="ann", revision=2)
    said.until.FromSeconds(int(LATER))
    said.before.FromSeconds(before)
    return said


def revoked():
    said = ApiKeyRevoked(key_id="key-1")
    said.revoked_at.FromSeconds(int(LATER))
    return said


@pytest.mark.parametrize(
    ("payloads", "dropped", "gone"),
    [
        ([ended()], [], {"user", "key"}),
        ([ended(), restored(before=900)], ["refused ones"], set()),
        ([ended(), restored(before=1_001)], ["refused ones"], {"user"}),
        ([restored(before=900), ended()], ["refused ones"], set()),
        ([revoked()], ["key-1"], {"key"}),
        ([ApiKeyRotated(key_id="new", replaced_key_id="key-1")], ["key-1"], set()),
        ([ApiKeyRotated(key_id="first")], [], set()),
        ([UserCreated(user_id="ann")], [], set()),
    ],
    ids=["ended", "restored", "restored later", "in the wrong order", "revoked", "replaced", "issued", "another event"],
)
async def test_events_say_what_ended(payloads, dropped, gone):
    keys, found = Keys(), held()
    heard = EndedIdentities(found, keys)
    for payload in payloads:
        await heard.heed(payload)
    assert keys.dropped == dropped
    assert {name for name, caller in {"user": USER, "key": KEY}.items() if found.ended(caller)} == gone


async def test_only_the_spared_session_of_an_event_goes_on():
    found = held()
    said = ended(spared_session_id="s-1")
    said.before.FromSeconds(2_000)
    await EndedIdentities(found).heed(said)
    assert not found.ended(USER)
    assert found.ended(replace(USER, session_id="s-2"))


@pytest.fixture
def clock():
    return ManualClock()
