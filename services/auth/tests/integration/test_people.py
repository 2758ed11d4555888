"""Somebody is disabled, enabled and deleted; nobody who is needed can be."""

import asyncio
from datetime import timedelta

import pytest
from fp_auth.adapters.events import IDENTITY_ENDED, IDENTITY_RESTORED
from fp_auth.domain.withdrawals import REMEMBERED
from fp_kernel import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    new_id,
)

PASSWORD = "a-river-and-9-lanterns"


def of_alpha(team):
    return team == "alpha"


def anywhere(_team):
    return True


@pytest.fixture
async def admin(world):
    return await world.caller(await world.user("admin"))


@pytest.fixture
async def ann(world):
    return await world.user("engineer", email="ann@example.com")


async def logged_in(world, user, address="10.0.0.7"):
    return await world.do.login(user.email, PASSWORD, address=address)


async def key_of(world, user):
    caller = await world.caller(user)
    return await world.do.create_api_key(caller, user_id="", scopes=["models:read"], expires_at=None, name="")


async def ended(world):
    """Kind, id and reason of what events say has ended."""
    return [
        (event.payload.kind, event.payload.id, event.payload.reason)
        for event in await world.events()
        if event.type == IDENTITY_ENDED
    ]


async def test_a_disabled_user_neither_logs_in_nor_goes_on_and_his_keys_are_worth_nothing(world, admin, ann, refused):
    session, key = await logged_in(world, ann), await key_of(world, ann)

    await world.do.disable_user(admin, ann.id, may_see=of_alpha)

    with refused(PermissionDenied, reason="USER_DISABLED"):
        await logged_in(world, ann)
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(session.refresh_token)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(key.raw_key)
    assert await ended(world) == [("user", ann.id, "disabled")]


async def test_who_guesses_at_a_disabled_account_is_not_told_that_it_is_disabled(world, admin, ann, refused):
    await world.do.disable_user(admin, ann.id, may_see=of_alpha)
    with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
        await world.do.login(ann.email, "another-password-1", address="10.0.0.7")


async def test_disabling_twice_tells_once(world, admin, ann):
    for _ in range(2):
        assert (await world.do.disable_user(admin, ann.id, may_see=of_alpha)).disabled_at == world.now()
    assert len(await ended(world)) == 1


async def test_an_enabled_user_has_his_keys_and_role_again_but_not_his_sessions(world, admin, ann, refused):
    session, key = await logged_in(world, ann), await key_of(world, ann)
    await world.do.disable_user(admin, ann.id, may_see=of_alpha)
    world.clock.advance(timedelta(minutes=1).total_seconds())

    await world.do.enable_user(admin, ann.id, may_see=of_alpha)

    assert (await world.do.validate_token(key.raw_key)).role == "engineer"
    assert (await logged_in(world, ann)).user.role == "engineer"
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(session.refresh_token)
    (restored,) = [event.payload for event in await world.events() if event.type == IDENTITY_RESTORED]
    assert (restored.kind, restored.id) == ("user", ann.id)
    assert restored.before.ToDatetime(world.now().tzinfo) == world.now()


async def test_the_event_of_an_enabling_is_newer_than_that_of_the_disabling(world, admin, ann):
    await world.do.disable_user(admin, ann.id, may_see=of_alpha)
    await world.do.enable_user(admin, ann.id, may_see=of_alpha)
    first, second = [
        event.payload.revision for event in await world.events() if event.type in (IDENTITY_ENDED, IDENTITY_RESTORED)
    ]
    assert first < second


async def test_a_login_under_way_does_not_outlive_the_disabling(world, admin, ann, refused, monkeypatch):
    """The password was right a moment before; the session is opened a moment after."""
    forgive = world.verify.forgive

    async def disabled_meanwhile(attempt):
        await forgive(attempt)
        await world.do.disable_user(admin, ann.id, may_see=of_alpha)

    monkeypatch.setattr(world.verify, "forgive", disabled_meanwhile)
    with refused(PermissionDenied, reason="USER_DISABLED"):
        await logged_in(world, ann)
    assert await world.column("SELECT count(*) FROM refresh_families WHERE ended_at IS NULL") == [0]


async def test_a_job_gets_no_token_for_somebody_who_was_disabled(world, admin, ann, refused):
    pipeline = await world.caller(ann, role="service", service="pipeline")
    await world.do.issue_job_token(pipeline, execution_id="e", step_id="s")
    await world.do.disable_user(admin, ann.id, may_see=of_alpha)
    with refused(FailedPrecondition, reason="USER_DISABLED"):
        await world.do.issue_job_token(pipeline, execution_id="e", step_id="s")


@pytest.mark.parametrize("what", ["disable_user", "delete_user"])
async def test_the_last_admin_of_a_team_can_neither_be_disabled_nor_deleted(world, refused, what):
    operator = await world.caller(await world.user("operator", team="platform"))
    last = await world.user("admin")
    await world.user("admin", team="beta")
    with refused(FailedPrecondition, reason="LAST_ADMIN"):
        await getattr(world.do, what)(operator, last.id, may_see=anywhere)
    other = await world.user("admin")
    await getattr(world.do, what)(operator, last.id, may_see=anywhere)
    with refused(FailedPrecondition, reason="LAST_ADMIN"):
        await world.do.assign_role(operator, user_id=other.id, role_name="viewer", may_see=anywhere)


@pytest.mark.parametrize("what", ["disable_user", "delete_user"])
async def test_the_last_operator_can_neither_be_disabled_nor_deleted(world, refused, what):
    first, second = [await world.user("operator", team="platform") for _ in range(2)]
    await getattr(world.do, what)(await world.caller(first), second.id, may_see=anywhere)
    with refused(FailedPrecondition, reason="LAST_OPERATOR"):
        await getattr(world.do, what)(await world.caller(second), first.id, may_see=anywhere)


async def test_of_two_admins_who_disable_each_other_at_once_one_stays(world):
    one, other = [await world.user("admin") for _ in range(2)]
    outcomes = await asyncio.gather(
        world.do.disable_user(await world.caller(one), other.id, may_see=of_alpha),
        world.do.disable_user(await world.caller(other), one.id, may_see=of_alpha),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, FailedPrecondition) for outcome in outcomes) == 1
    assert len(await world.stores.users.lock_administrators("alpha")) == 1


@pytest.mark.parametrize("what", ["disable_user", "enable_user", "delete_user"])
async def test_nobody_touches_another_team_or_who_may_more_than_he(world, ann, refused, what):
    stranger, operator = await world.user(team="beta"), await world.user("operator", team="platform")
    admin = await world.caller(await world.user("admin"))
    act = getattr(world.do, what)
    for hidden in (stranger.id, new_id()):
        with refused(NotFound, reason="USER_NOT_FOUND"):
            await act(admin, hidden, may_see=of_alpha)
    with refused(PermissionDenied, field="user_id", reason="SCOPE_NOT_GRANTED"):
        await act(admin, operator.id, may_see=anywhere)
    narrow = await world.caller(await world.user("admin"), scopes=frozenset({"users:admin"}))
    with refused(PermissionDenied, field="user_id", reason="SCOPE_NOT_GRANTED"):
        await act(narrow, ann.id, may_see=of_alpha)


@pytest.mark.parametrize("what", ["disable_user", "delete_user"])
async def test_nobody_shuts_himself_out(world, refused, what):
    one = await world.caller(await world.user("admin"))
    await world.user("admin")
    with refused(InvalidArgument, field="user_id"):
        await getattr(world.do, what)(one, one.user_id, may_see=of_alpha)


async def test_a_deleted_user_leaves_his_id_and_nothing_of_himself(world, admin, ann, refused):
    await logged_in(world, ann)
    key = await key_of(world, ann)
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    await world.database.execute(
        "INSERT INTO audit_address_keys (person, key, created_at) VALUES ($1, sha256('k'), now())", ann.id
    )
    await world.database.execute(
        """
        INSERT INTO external_identities (issuer, subject, user_id, signed_in_at)
        VALUES ('https://id.example', '7', $1, now())
        """,
        ann.id,
    )

    await world.do.delete_user(admin, ann.id, may_see=of_alpha)

    left = await world.stores.users.find(ann.id)
    assert (left.id, left.team, left.email, left.name, left.password_hash) == (ann.id, "alpha", "", "", "")
    assert (left.deleted_at, left.active) == (world.now(), False)
    personal = ("refresh_families", "refresh_tokens", "account_links", "mail_requests", "audit_address_keys")
    for table in (*personal, "external_identities"):
        assert await world.column(f"SELECT count(*) FROM {table}") == [0], table  # noqa: S608
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(key.raw_key)
    assert await world.column("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL") == [0]
    types = await world.event_types()
    assert types.count("fp.auth.apikey.revoked") == 1
    assert await ended(world) == [("user", ann.id, "deleted")]
    (said,) = [event.payload for event in await world.events() if event.type == IDENTITY_ENDED]
    assert b"ann@example.com" not in said.SerializeToString()


async def test_the_address_of_a_deleted_user_is_free_at_once(world, admin, ann):
    await world.do.delete_user(admin, ann.id, may_see=of_alpha)
    again = await world.user(email="ann@example.com")
    assert (await logged_in(world, again)).user.id == again.id


async def test_a_deleted_user_is_nobody_to_every_command(world, admin, ann, refused):
    await world.do.delete_user(admin, ann.id, may_see=of_alpha)
    for what in (world.do.disable_user, world.do.enable_user, world.do.delete_user, world.do.reset_user_password):
        with refused(NotFound):
            await what(admin, ann.id, may_see=of_alpha)
    with refused(NotFound):
        await world.do.assign_role(admin, user_id=ann.id, role_name="viewer", may_see=of_alpha)
    with refused(NotFound):
        await world.do.people.user(admin, ann.id, may_see=of_alpha)
    page = await world.do.queries.users("alpha", page_size=10, page_token="")
    assert ann.id not in {user.id for user in page.items}


async def test_keys_that_were_made_with_his_keys_end_with_him(world, admin, ann):
    key = await key_of(world, ann)
    with_key = await world.using(key)

    made = await world.do.create_api_key(
        await world.caller(ann, api_key_id=with_key.api_key_id, scopes=frozenset({"models:read", "api-keys:write"})),
        user_id="",
        scopes=["models:read"],
        expires_at=None,
        name="",
    )
    await world.do.delete_user(admin, ann.id, may_see=of_alpha)
    revoked = {event.resource_id for event in await world.events() if event.type == "fp.auth.apikey.revoked"}
    assert revoked == {key.key.id, made.key.id}


async def test_what_ended_is_forgotten_when_no_token_can_be_out(world, admin, ann):
    await world.do.disable_user(admin, ann.id, may_see=of_alpha)
    (until,) = await world.column("SELECT until FROM withdrawals")
    assert until == world.now() + REMEMBERED


async def test_a_user_without_a_password_cannot_log_in_by_any(world, ann, refused):
    """The hash that stands in for unknown users had a password that everybody could read."""
    await world.stores.users.set_password_hash(ann.id, "")
    for password in ("no user has this password", PASSWORD, " "):
        with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
            await world.do.login(ann.email, password, address="10.0.0.7")


async def test_a_person_changes_his_own_name_and_nothing_else(world, ann, refused):
    caller = await world.caller(ann, session_id=new_id())
    assert (await world.do.update_profile(caller, "  Ann Lee ")).name == "Ann Lee"
    assert (await world.found(ann.id)).name == "Ann Lee"
    with refused(InvalidArgument, field="name"):
        await world.do.update_profile(caller, "x" * 101)
