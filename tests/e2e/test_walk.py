"""Every RPC of every service, called by everybody who may be somebody: the status that its Access option says.

The table is worked out from the options, the roles and the scopes of services; nobody and no RPC is left out. Bodies
are empty, so that whoever is let in meets the rules of the RPC, and nothing is changed; what a job may write is called
with a run of another execution.
"""

import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2, people_pb2
from forgepoint.auth.v1 import service_accounts_pb2 as pb
from forgepoint.auth.v1.people_pb2_grpc import PeopleServiceStub
from forgepoint.auth.v1.service_accounts_pb2_grpc import ServiceAccountServiceStub
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceStub
from fp_auth.service_scopes import service_scopes
from fp_kernel import new_id
from fp_testkit.identity import ROLE_SCOPES
from rpc_walk import (
    DENIED,
    METHODS,
    REFUSALS,
    access,
    ended_everywhere,
    let_in,
    lets_in,
    status,
    statuses,
)

SERVICES = service_scopes()
OK, NOT_FOUND = grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


async def walk(channel_of, token, allowed):
    """Call every RPC but the public ones; what was answered otherwise than the table says."""
    wrong = {}
    for method, code in await statuses(channel_of, token):
        may = allowed(access(method))
        if (code in REFUSALS) is may or (not may and code is not DENIED):
            wrong[method.path] = code
    return wrong


def test_all_rpcs_of_the_contract_are_walked():
    assert len(METHODS) >= 106


async def test_nobody_gets_into_anything_but_what_is_public(channel):
    assert await let_in(lambda _: channel, None) == {}


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

    assert await let_in(lambda _: channel, made.raw_key) == {}


async def test_a_program_of_a_team_gets_into_what_its_key_names_and_disabled_into_nothing(channel, token_of):
    metadata = bearer(await token_of("admin", "program-owners"))
    accounts = ServiceAccountServiceStub(channel)
    create = pb.CreateServiceAccountRequest(name="walker", scopes=["models:read"])
    account = (await accounts.CreateServiceAccount(create, metadata=metadata)).service_account
    issue = pb.CreateServiceAccountKeyRequest(service_account_id=account.id, scopes=["models:read"])
    key = (await accounts.CreateServiceAccountKey(issue, metadata=metadata)).raw_key

    assert await walk(lambda _: channel, key, lambda rule: lets_in(rule, {"models:read"})) == {}

    await accounts.DisableServiceAccount(pb.DisableServiceAccountRequest(id=account.id), metadata=metadata)
    await ended_everywhere(channel, key)

    assert await let_in(lambda _: channel, key) == {}


async def test_a_disabled_person_gets_into_nothing_and_neither_does_his_key(channel, connect, token_of, admin_token):
    token = await token_of("admin", "leavers")
    auth = connect(token).auth
    key = (await auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="his", scopes=["*:*"]))).raw_key
    person = (await auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims
    await token_of("admin", "leavers")  # The last admin of a team cannot be disabled.

    await PeopleServiceStub(channel).DisableUser(
        people_pb2.DisableUserRequest(user_id=person.user_id), metadata=bearer(admin_token)
    )
    for credential in (token, key):
        await ended_everywhere(channel, credential)

        assert await let_in(lambda _: channel, credential) == {}


async def test_a_job_gets_into_what_is_for_jobs(channel, job_token):
    token = await job_token(new_id())

    assert await walk(lambda _: channel, token, lambda rule: lets_in(rule, ROLE_SCOPES["job"], job=True)) == {}


@pytest.fixture
async def experiment_of(channel, admin_token):
    """A new experiment of the first team."""
    stub = ExperimentTrackerServiceStub(channel)
    request = experiment_pb2.CreateExperimentRequest(name=f"walk {new_id()}")
    return (await stub.CreateExperiment(request, metadata=bearer(admin_token))).experiment


async def test_a_job_of_another_execution_finds_nothing_that_it_may_write(channel, job_token, experiment_of):
    """Each RPC for jobs that writes has a row here; what they read is open to all of the team."""
    start = experiment_pb2.StartRunRequest(experiment_id=experiment_of.id, idempotency_key="the same in both")
    stub, own, other = ExperimentTrackerServiceStub(channel), await job_token(new_id()), await job_token(new_id())
    run = (await stub.StartRun(start, metadata=bearer(own))).run
    writes = {
        "LogMetrics": experiment_pb2.LogMetricsRequest(
            run_id=run.id, points=[experiment_pb2.MetricPoint(key="loss", value=0.5, step=1)], idempotency_key="m"
        ),
        "LogParams": experiment_pb2.LogParamsRequest(
            run_id=run.id, params=[experiment_pb2.Param(key="depth", value="3")]
        ),
        "SetRunArtifacts": experiment_pb2.SetRunArtifactsRequest(
            run_id=run.id, artifacts={"model": "m"}, idempotency_key="a"
        ),
        "UpdateRunStatus": experiment_pb2.UpdateRunStatusRequest(
            run_id=run.id, status=experiment_pb2.RUN_STATUS_FINISHED
        ),
    }
    for_jobs = {m.descriptor.name: m for m in METHODS if access(m).jobs and access(m).permission.endswith(":write")}

    assert for_jobs.keys() == writes.keys() | {"StartRun"}
    for name, request in writes.items():
        # The own one first: a repeated command must not answer another execution.
        assert await status(channel, for_jobs[name], own, request) is OK, name
        assert await status(channel, for_jobs[name], other, request) is NOT_FOUND, name
    assert (await stub.StartRun(start, metadata=bearer(other))).run.id != run.id


@pytest.mark.parametrize("noun", [noun for noun in sorted(SERVICES) if noun != "auth"])
async def test_a_service_gets_into_what_it_is_named_for(direct, exchange, noun):
    """Also where it would be refused by the gateway: at the other services themselves."""
    token = await exchange(noun)

    assert await walk(direct, token, lambda rule: lets_in(rule, SERVICES[noun], service=noun)) == {}


async def test_what_proves_an_address_gets_into_nothing(direct, exchange):
    token = await exchange("gateway", "forgepoint-client-address")

    assert await let_in(direct, token) == {}
