"""Each call of the original's command line, as its stubs send it: over gRPC through the edge, and by paths of HTTP.

The protos are made of the contract alone, so that nothing that this platform added can help. The original's exit codes
follow from the status of gRPC, which is what is looked at here.
"""

import grpc
import httpx
import pytest
from contract_commands import *  # noqa: F403 -- fixtures are found by name
from contract_commands import CALLS, COMMANDS, MISSING, SDK
from fp_kernel import new_id
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

KEYED = [*(call for call in (*CALLS.values(), *SDK.values()) if call.missing)]


def test_each_command_has_its_call():
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_call_of_the_command_line_is_answered_over_grpc(command, send, facts, admin_token):
    call = CALLS[command]

    answer = await send(call.rpc, call.fields(facts), "" if command == "login" else admin_token)

    assert call.shows(answer, facts), answer


@pytest.mark.parametrize("name", SDK)
async def test_a_call_of_the_sdk_is_answered_over_grpc(name, send, facts, admin_token):
    answer = await send(SDK[name].rpc, SDK[name].fields(facts), admin_token)

    assert SDK[name].shows(answer, facts), answer


@pytest.mark.parametrize("command", [name for name in COMMANDS if CALLS[name].route is not None])
async def test_the_same_is_answered_over_http(command, platform, facts, admin_token):
    call = CALLS[command]
    verb, path = call.route
    body = {} if verb == "GET" else {key: value for key, value in call.fields(facts).items() if key != "pipelineId"}
    headers = {} if command == "login" else {"authorization": f"Bearer {admin_token}"}
    async with httpx.AsyncClient(base_url=platform.http, timeout=PATIENCE, verify=NO_TLS) as client:
        if command == "pipelines watch":
            async with client.stream(verb, path(facts), headers=headers) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                lines = [line async for line in stream.aiter_lines() if line.startswith("data:")]
            assert facts["execution_id"] in lines[0]
            return
        response = await client.request(verb, path(facts), headers=headers, **({"json": body} if body else {}))

    assert response.status_code in (200, 201, 202), response.text
    assert call.shows(response.json(), facts), response.text


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "login"])
async def test_without_a_login_a_call_is_unauthenticated(command, send):
    """Exit code 3 of the original."""
    call = CALLS[command]
    ids = dict.fromkeys(
        ("model", "model_id", "pipeline_id", "execution_id", "experiment_id", "run_id"),
        MISSING,
    )

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(call.rpc, call.fields(ids))

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("call", KEYED, ids=lambda call: call.rpc)
async def test_what_is_not_there_is_not_found(call, send, admin_token):
    """Exit code 5 of the original."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(call.rpc, call.missing, admin_token)

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_wrong_password_and_bad_use_have_the_status_of_their_exit_code(platform, send, facts, admin_token):
    wrong = {"email": f"nobody-{new_id()}@example.com", "password": "not the password"}
    again = {"name": facts["model"], "idempotencyKey": new_id()}
    times = {"periodStart": "2013-02-01T00:00:00Z", "periodEnd": "2013-01-01T00:00:00Z"}
    for rpc, fields, token, code in (
        ("AuthService.Login", wrong, "", grpc.StatusCode.UNAUTHENTICATED),
        ("RegistryService.RegisterModel", again, admin_token, grpc.StatusCode.ALREADY_EXISTS),
        ("RegistryService.RegisterModel", {"name": " "}, admin_token, grpc.StatusCode.INVALID_ARGUMENT),
        ("BillingService.GetUsage", times, admin_token, grpc.StatusCode.INVALID_ARGUMENT),
        ("RegistryService.ListModels", {}, "garbage.token.here", grpc.StatusCode.UNAUTHENTICATED),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await send(rpc, fields, token)
        assert refused.value.code() is code, (rpc, fields)


async def test_a_model_that_is_registered_twice_with_one_key_is_one(send, admin_token):
    request = {"name": f"once-{new_id()}", "idempotencyKey": new_id()}

    first, second = [await send("RegistryService.RegisterModel", request, admin_token) for _ in range(2)]

    assert first["model"]["id"] == second["model"]["id"]
