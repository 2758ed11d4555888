"""Accounts of people who sign in by a provider: made, joined, changed and ended by its mapping."""

import asyncio
from datetime import timedelta

import pytest
from fp_auth.adapters.events import API_KEY_REVOKED, IDENTITY_ENDED
from fp_auth.app.settle_account import SettleAccount
from fp_auth.app.sign_in_ports import Identity
from fp_auth.domain.sign_in import IssuerPolicy, Rule
from fp_auth.domain.teams import Limits
from fp_events.payloads.audit import RECORDED
from fp_kernel import FailedPrecondition, PermissionDenied, ResourceExhausted, Unauthenticated
from fp_testkit.patience import PATIENCE

ISSUER = "https://id.example.com"
POLICY = IssuerPolicy(
    name="corp",
    title="Example Corp",
    issuer=ISSUER,
    rules=[
        Rule("groups", "operators", "platform", "operator"),
        Rule("groups", "leads", "alpha", "admin"),
        Rule("groups", "ml", "alpha", "engineer"),
        Rule("groups", "speech", "beta", "engineer"),
    ],
    longest=timedelta(hours=12),
    links_email=True,
)


@pytest.fixture
def sign_in(world):
    """What the provider says of somebody -> his account."""
    settle = SettleAccount(world.transactions, world.clock)

    async def signed_in(subject, *groups, **claims):
        return await settle(POLICY, Identity(subject, {"groups": list(groups), **claims}))

    return signed_in


@pytest.fixture
async def operator(world):
    return await world.caller(await world.user("operator", team="platform"))


def any_team(_team):
    return True


async def with_access(world, user):
    """A session and a key of the user."""
    await world.stores.users.set_password_hash(user.id, await world.hasher.hash("a-river-and-9-lanterns"))
    session = await world.do.login(user.email, "a-river-and-9-lanterns", address="")
    caller = await world.caller(user)
    key = await world.do.create_api_key(caller, user_id="", scopes=["models:read"], expires_at=None, name="k")
    return session, key


async def test_who_is_in_no_group_any_more_loses_his_role_sessions_and_keys(world, sign_in, refused):
    user = await sign_in("ada", "ml", email="ada@example.com", email_verified=True)
    session, key = await with_access(world, user)

    with refused(PermissionDenied, reason="NO_RULE_FITS"):
        await sign_in("ada", "cooks")

    assert (await world.found(user.id)).role == "viewer"
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(session.refresh_token)
    with refused(Unauthenticated):
        await world.do.validate_token(key.raw_key)
    ended = [event.payload for event in await world.events() if event.type == IDENTITY_ENDED]
    assert [(each.kind, each.id, each.reason) for each in ended] == [("user", user.id, "access_ended")]
    assert API_KEY_REVOKED in await world.event_types()
    assert (await sign_in("ada", "ml")).role == "engineer"


async def test_a_provider_that_gives_an_address_for_a_name_gives_none(world, sign_in):
    """As Entra ID and Keycloak do in `preferred_username`."""
    known = {"email": "ada@example.com", "email_verified": True}
    assert (await sign_in("ada", "ml", **known, preferred_username="a.l@corp.example", nickname="Ada")).name == "Ada"
    known["email"] = "bob@example.com"
    assert (await sign_in("bob", "ml", **known, name="bob@corp.example")).name == "bob"


async def test_who_belongs_to_another_team_now_is_refused_and_nothing_of_his_goes_on(world, sign_in, refused):
    user = await sign_in("ada", "ml", email="ada@example.com", email_verified=True)
    session, key = await with_access(world, user)

    with refused(FailedPrecondition, reason="TEAM_CHANGED"):
        await sign_in("ada", "speech")

    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(session.refresh_token)
    with refused(Unauthenticated):
        await world.do.validate_token(key.raw_key)
    assert ((await world.found(user.id)).team, (await world.found(user.id)).role) == ("alpha", "viewer")


async def test_what_ended_for_a_disabled_person_stays_ended_for_good(world, sign_in, operator, refused):
    user = await sign_in("ada", "ml")
    await world.do.disable_user(operator, user.id, may_see=any_team)
    with refused(PermissionDenied, reason="NO_RULE_FITS"):
        await sign_in("ada", "cooks")
    assert await world.column("SELECT before FROM withdrawals WHERE kind = 'user'") == [None]


@pytest.mark.parametrize(
    ("high", "low", "team", "reason"),
    [("leads", "ml", "alpha", "admin"), ("operators", None, "platform", "operator")],
)
async def test_the_mapping_takes_nobody_the_last_one_who_can_let_people_in(
    world, sign_in, caplog, high, low, team, reason
):
    user = await sign_in("ada", high)

    if low:
        assert (await sign_in("ada", low)).role == reason
    else:
        with pytest.raises(PermissionDenied):
            await sign_in("ada", "cooks")

    assert ((await world.found(user.id)).team, (await world.found(user.id)).role) == (team, reason)
    (recorded,) = [event for event in await world.events() if event.type == RECORDED]
    assert (recorded.payload.status, recorded.payload.resource_id, recorded.team) == ("ROLE_KEPT", user.id, team)


async def test_the_mapping_takes_a_role_where_somebody_else_is_left(world, sign_in):
    user = await sign_in("ada", "leads")
    await world.user("admin")
    assert (await sign_in("ada", "ml")).role == "engineer"
    assert (await world.found(user.id)).role == "engineer"
    assert RECORDED not in await world.event_types()


async def test_the_first_sign_in_makes_the_team_and_counts_for_its_limit(world, sign_in, operator, refused):
    await sign_in("ada", "ml")
    assert [team.id for team in (await world.do.teams.teams(page_size=9, page_token="")).items] == ["alpha"]
    await world.do.create_team("beta", "", Limits(users=1))
    await sign_in("bo", "speech")
    with refused(ResourceExhausted, reason="TEAM_LIMIT"):
        await sign_in("cy", "speech")
    assert await world.column("SELECT count(*) FROM users WHERE team = 'beta'") == [1]
    await sign_in("bo", "speech")
    await world.do.suspend_team(operator, "alpha")
    with refused(PermissionDenied, reason="TEAM_SUSPENDED"):
        await sign_in("di", "ml")


async def test_the_identity_of_a_deleted_account_is_unknown_even_if_its_row_is_left(world, sign_in, operator):
    first = await sign_in("ada", "ml")
    await world.do.delete_user(operator, first.id, may_see=any_team)
    async with world.transactions() as tx:
        await tx.identities.save(ISSUER, "ada", first.id, world.now())
    second = await sign_in("ada", "ml")
    assert second.id != first.id
    assert await world.column("SELECT user_id::text FROM external_identities") == [second.id]


async def test_a_sign_in_while_its_account_is_deleted_waits_and_makes_a_new_one(world, sign_in):
    first = await sign_in("ada", "ml")
    async with world.transactions() as deleting:
        await deleting.users.lock(first.id)
        signing_in = asyncio.ensure_future(sign_in("ada", "ml"))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        async with asyncio.timeout(PATIENCE):
            while await world.column(waiting) == [0]:
                await asyncio.sleep(0)
        await deleting.users.erase(first.id, world.now())
    second = await signing_in
    assert second.id != first.id
    assert await world.column("SELECT user_id::text FROM external_identities") == [second.id]


async def test_an_account_with_the_address_is_joined_and_gets_the_role_of_the_mapping(world, sign_in):
    local = await world.user("viewer", email="ada@example.com")
    async with world.transactions() as tx:
        await tx.users.set_email_verified(local.id, world.now())
    assert (await sign_in("ada", "ml", email="ada@example.com", email_verified=True)).id == local.id
    assert (await world.found(local.id)).role == "engineer"


async def test_an_account_whose_address_nobody_verified_is_joined_by_nobody(world, sign_in, refused):
    await world.user("viewer", email="ada@example.com")
    with refused(FailedPrecondition, reason="EMAIL_OF_ANOTHER_ACCOUNT"):
        await sign_in("ada", "ml", email="ada@example.com", email_verified=True)


async def test_the_entry_of_a_role_that_stayed_names_the_sign_in_as_its_method(world, sign_in):
    await sign_in("ada", "leads")
    await sign_in("ada", "ml")
    (recorded,) = [event for event in await world.events() if event.type == RECORDED]
    assert recorded.payload.method == "/forgepoint.auth.v1.SignInService/CompleteSignIn"
