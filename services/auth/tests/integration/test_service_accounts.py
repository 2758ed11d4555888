"""Programs of a team that belong to no person."""

import hashlib
from datetime import timedelta
from types import SimpleNamespace

import pytest
from fp_auth.adapters.postgres.service_accounts import PostgresServiceAccounts
from fp_auth.app.change_service_account import ChangeServiceAccount
from fp_auth.app.create_service_account import CreateServiceAccount
from fp_auth.app.create_service_account_key import CreateServiceAccountKey
from fp_auth.app.end_service_account import DeleteServiceAccount, DisableServiceAccount, EnableServiceAccount
from fp_auth.app.service_account_queries import ServiceAccountQueries
from fp_kernel import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    new_id,
)


@pytest.fixture
def accounts(world):
    """Every use-case by its name."""
    transactions, clock = world.transactions, world.clock
    numbers = iter(range(1_000, 2_000))

    def random(size):
        return hashlib.sha256(str(next(numbers)).encode()).digest()[:size]

    return SimpleNamespace(
        create=CreateServiceAccount(transactions, clock),
        change=ChangeServiceAccount(transactions),
        disable=DisableServiceAccount(transactions, clock),
        enable=EnableServiceAccount(transactions, clock),
        delete=DeleteServiceAccount(transactions, clock),
        create_key=CreateServiceAccountKey(transactions, random, clock),
        queries=ServiceAccountQueries(PostgresServiceAccounts(world.database)),
    )


@pytest.fixture
async def admin(world):
    return await world.caller(await world.user("admin"))


async def made(accounts, caller, **changes):
    facts = {"name": "ci", "description": "deploys", "scopes": ["models:read", "models:write"]} | changes
    return await accounts.create(caller, **facts)


async def key_of(accounts, caller, account, **changes):
    facts = {"scopes": ["models:read"], "expires_at": None, "name": "runner"} | changes
    return await accounts.create_key(caller, account_id=account.id, **facts)


async def test_its_key_is_a_principal_of_the_team_and_no_person(world, accounts, admin):
    account = await made(accounts, admin)
    issued = await key_of(accounts, admin, account)

    claims = await world.do.validate_token(issued.raw_key)

    assert (claims.subject, claims.team, claims.role) == (account.id, "alpha", "service-account")
    assert (claims.name, claims.email, claims.scopes) == ("ci", "", {"models:read"})
    assert issued.key.service_account == account.id


async def test_it_goes_on_when_its_maker_leaves_or_loses_his_role(world, accounts, admin):
    issued = await key_of(accounts, admin, await made(accounts, admin))
    await world.stores.users.set_role(admin.user_id, "viewer")

    assert (await world.do.validate_token(issued.raw_key)).scopes == {"models:read"}


async def test_nobody_makes_one_that_may_do_more_than_himself(world, accounts, refused):
    few = await world.caller(await world.user("admin"), scopes=frozenset({"users:admin", "models:read"}))

    with refused(PermissionDenied, field="scopes", reason="SCOPE_NOT_GRANTED"):
        await made(accounts, few)
    account = await made(accounts, few, scopes=["models:read"])
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await accounts.change(few, account.id, description="", scopes=["*:*"])


async def test_nobody_takes_over_one_that_may_do_more_than_himself(world, accounts, admin, refused):
    account = await made(accounts, admin)
    few = await world.caller(await world.user("admin"), scopes=frozenset({"users:admin", "api-keys:admin"}))

    with refused(PermissionDenied, field="scopes[0]", reason="SCOPE_NOT_GRANTED"):
        await key_of(accounts, few, account)
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await accounts.change(few, account.id, description="", scopes=["users:admin"])


async def test_no_key_has_more_than_its_account(accounts, admin, refused):
    account = await made(accounts, admin)
    with refused(PermissionDenied, field="scopes[0]", reason="SCOPE_NOT_GRANTED"):
        await key_of(accounts, admin, account, scopes=["billing:read"])


async def test_its_keys_lose_what_it_loses(world, accounts, admin):
    account = await made(accounts, admin)
    issued = await key_of(accounts, admin, account, scopes=["models:read", "models:write"])

    await accounts.change(admin, account.id, description="reads only", scopes=["models:read"])

    assert (await world.do.validate_token(issued.raw_key)).scopes == {"models:read"}


async def test_a_disabled_one_is_out_until_it_is_enabled(world, accounts, admin, refused):
    account = await made(accounts, admin)
    issued = await key_of(accounts, admin, account)

    await accounts.disable(admin, account.id)
    await accounts.disable(admin, account.id)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(issued.raw_key)
    with refused(FailedPrecondition, reason="SERVICE_ACCOUNT_DISABLED"):
        await key_of(accounts, admin, account)
    assert await world.column("SELECT kind || ':' || id FROM withdrawals") == [f"user:{account.id}"]
    assert (await world.event_types()).count("fp.auth.identity.ended") == 1

    await accounts.enable(admin, account.id)
    assert (await world.do.validate_token(issued.raw_key)).subject == account.id
    assert (await world.event_types())[-1] == "fp.auth.identity.restored"


async def test_a_deleted_one_is_gone_with_its_keys_and_its_name_stays_taken(world, accounts, admin, refused):
    account = await made(accounts, admin)
    issued = await key_of(accounts, admin, account)

    await accounts.delete(admin, account.id)

    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(issued.raw_key)
    with refused(NotFound, field="id"):
        await accounts.queries.account(admin, account.id)
    with refused(AlreadyExists, field="name"):
        await made(accounts, admin)
    assert "fp.auth.apikey.revoked" in await world.event_types()
    assert await world.column("SELECT description FROM service_accounts") == [""]


async def test_its_keys_are_revoked_and_rotated_as_those_of_people(world, accounts, admin, refused):
    issued = await key_of(accounts, admin, await made(accounts, admin))

    rotated = await world.do.rotate_api_key(admin, issued.key.id, timedelta(0))
    with refused(Unauthenticated):
        await world.do.validate_token(issued.raw_key)
    assert (await world.do.validate_token(rotated.raw_key)).role == "service-account"

    await world.do.revoke_api_key(admin, rotated.key.id)
    with refused(Unauthenticated):
        await world.do.validate_token(rotated.raw_key)


async def test_it_makes_no_keys_itself(world, accounts, admin, refused):
    issued = await key_of(accounts, admin, await made(accounts, admin, scopes=["*:*"]), scopes=["*:*"])
    claims = await world.do.validate_token(issued.raw_key)
    caller = await world.caller(
        await world.user(), user_id=claims.subject, role=claims.role, scopes=claims.scopes, api_key_id=issued.key.id
    )
    with refused(PermissionDenied):
        await world.do.create_api_key(caller, user_id="", scopes=["models:read"], expires_at=None, name="x")


async def test_those_of_another_team_are_not_found(world, accounts, admin, refused):
    account = await made(accounts, admin)
    stranger = await world.caller(await world.user("admin", team="beta"))

    for call in (
        accounts.queries.account(stranger, account.id),
        accounts.change(stranger, account.id, description="", scopes=["models:read"]),
        accounts.disable(stranger, account.id),
        accounts.enable(stranger, account.id),
        accounts.delete(stranger, account.id),
        key_of(accounts, stranger, account),
        accounts.queries.keys(stranger, account_id=account.id, include_revoked=True, page_size=0, page_token=""),
    ):
        with refused(NotFound, reason="SERVICE_ACCOUNT_NOT_FOUND"):
            await call
    assert not (await accounts.queries.accounts(stranger, page_size=0, page_token="")).items


async def test_lists_have_pages(accounts, admin):
    made_ones = [await made(accounts, admin, name=f"ci-{number}") for number in range(3)]
    first = await accounts.queries.accounts(admin, page_size=2, page_token="")
    rest = await accounts.queries.accounts(admin, page_size=2, page_token=first.next_token)
    assert [*first.items, *rest.items] == made_ones

    issued = [(await key_of(accounts, admin, made_ones[0])).key for _ in range(3)]
    asked = {"account_id": made_ones[0].id, "include_revoked": False, "page_size": 2}
    keys = await accounts.queries.keys(admin, page_token="", **asked)
    more = await accounts.queries.keys(admin, page_token=keys.next_token, **asked)
    assert [*keys.items, *more.items] == issued


@pytest.mark.parametrize("name", ["", "a", "CI", "1st", "c i", "x" * 64])
async def test_a_bad_name_is_named(accounts, admin, refused, name):
    with refused(InvalidArgument, field="name"):
        await made(accounts, admin, name=name)


async def test_what_is_no_id_is_named(accounts, admin, refused):
    with refused(InvalidArgument, field="id"):
        await accounts.disable(admin, "ci")
    with refused(NotFound, reason="SERVICE_ACCOUNT_NOT_FOUND"):
        await accounts.delete(admin, new_id())
