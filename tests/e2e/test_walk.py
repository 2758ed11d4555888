"""Every RPC of every service, called by everybody who may be somebody: the status that its Access option says.

The table is worked out from the options, the roles and the scopes of services; nobody and no RPC is left out. Bodies
are empty, so that whoever is let in meets the rules of the RPC, and nothing is changed.
"""

import asyncio

import pytest
from forgepoint.auth.v1 import auth_pb2
from forgepoint.auth.v1 import service_accounts_pb2 as pb
from forgepoint.auth.v1.service_accounts_pb2_grpc import ServiceAccountServiceStub
from fp_auth.service_scopes import service_scopes
from fp_kernel import new_id
from fp_testkit.identity import ROLE_SCOPES
from fp_testkit.patience import PATIENCE
from rpc_walk import DENIED, METHODS, REFUSALS, UNAUTHENTICATED, access, lets_in, status

SERVICES = service_scopes()


async def walk(channel_of, token, allowed):
    """Call every RPC but the public ones; what was answered otherwise than the table says."""
    wrong = {}
    for method in METHODS:
        rule = access(method)
        if rule.public:
            continue
        code = await status(channel_of(method), method, token)
        if (code in REFUSALS) is allowed(rule) or (not allowed(rule) and code is not DENIED):
            wrong[method.path] = code
    return wrong


def test_all_rpcs_of_the_contract_are_walked():
    assert len(METHODS) >= 106


async def test_nobody_gets_into_anything_but_what_is_public(channel):
    answers = {method.path: await status(channel, method) for method in METHODS if not access(method).public}

    assert {path: code for path, code in answers.items() if code is not UNAUTHENTICATED} == {}


@pytest.mark.parametrize("role", ["viewer", "engineer", "admin"])
async def test_a_person_gets_into_what_his_role_names(channel, token_of, role):
    token = await token_of(role, f"walking-{role}s")

    assert await walk(lambda _: channel, token, lambda rule: lets_in(rule, ROLE_SCOPES[role], login=True)) == {}


async def test_the_operator_gets_into_all_but_what_is_for_services(channel, admin_token):
    assert (
        await walk(lambda _: channel, admin_token, lambda rule: lets_in(rule, ROLE_SCOPES["operator"], login=True))
        == {}
    )


async def test_a_key_of_one_scope_gets_into_what_that_names(channel, connect, token_of):
    owner = connect(await token_of("admin", "key-owners"))
    made = await owner.auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="one", scopes=["predictions:create"]))

    assert await walk(lambda _: channel, made.raw_key, lambda rule: lets_in(rule, {"predictions:create"})) == {}


async def test_a_revoked_key_gets_into_nothing(channel, connect, token_of):
    owner = connect(await token_of("admin", "key-owners"))
    made = await owner.auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="over", scopes=["*:*"]))
    await owner.auth.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=made.api_key.id))

    answers = {m.path: await status(channel, m, made.raw_key) for m in METHODS if not access(m).public}

    assert {path: code for path, code in answers.items() if code is not UNAUTHENTICATED} == {}


async def test_a_program_of_a_team_gets_into_what_its_key_names_and_disabled_into_nothing(channel, token_of):
    metadata = (("authorization", f"Bearer {await token_of('admin', 'program-owners')}"),)
    accounts = ServiceAccountServiceStub(channel)
    create = pb.CreateServiceAccountRequest(name="walker", scopes=["models:read"])
    account = (await accounts.CreateServiceAccount(create, metadata=metadata)).service_account
    issue = pb.CreateServiceAccountKeyRequest(service_account_id=account.id, scopes=["models:read"])
    key = (await accounts.CreateServiceAccountKey(issue, metadata=metadata)).raw_key

    assert await walk(lambda _: channel, key, lambda rule: lets_in(rule, {"models:read"})) == {}

    await accounts.DisableServiceAccount(pb.DisableServiceAccountRequest(id=account.id), metadata=metadata)
    me = next(method for method in METHODS if method.path.endswith("/GetCurrentUser"))
    async with asyncio.timeout(PATIENCE):
        while await status(channel, me, key) is not UNAUTHENTICATED:
            await asyncio.sleep(0.05)
    answers = {m.path: await status(channel, m, key) for m in METHODS if not access(m).public}
    assert {path: code for path, code in answers.items() if code is not UNAUTHENTICATED} == {}


async def test_a_job_gets_into_what_is_for_jobs(channel, job_token):
    token = await job_token(new_id())

    assert await walk(lambda _: channel, token, lambda rule: lets_in(rule, ROLE_SCOPES["job"], job=True)) == {}


@pytest.mark.parametrize("noun", [noun for noun in sorted(SERVICES) if noun != "auth"])
async def test_a_service_gets_into_what_it_is_named_for(direct, exchange, noun):
    """Also where it would be refused by the gateway: at the other services themselves."""
    token = await exchange(noun)

    assert await walk(direct, token, lambda rule: lets_in(rule, SERVICES[noun], service=noun)) == {}


async def test_what_proves_an_address_gets_into_nothing(direct, exchange):
    token = await exchange("gateway", "forgepoint-client-address")

    answers = {m.path: await status(direct(m), m, token) for m in METHODS if not access(m).public}

    assert {path: code for path, code in answers.items() if code is not UNAUTHENTICATED} == {}
