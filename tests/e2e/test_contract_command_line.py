"""Each call of the original's command line, as its stubs send it: over gRPC through the edge, and by paths of HTTP.

The protos are made of the contract alone, so that nothing that this platform added can help. The original's exit codes
follow from the status of gRPC, which is what is looked at here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from contract_client import Contract, filled
from fp_kernel import new_id
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format

PACKAGES = tuple(
    f"forgepoint.{noun}.v1" for noun in ("common", "auth", "registry", "pipeline", "experiment", "monitor", "billing")
)
MISSING = "01890000-0000-7000-8000-000000000000"
# Everything but `version` and `help`, which call nobody.
COMMANDS = (
    "login",
    "models list",
    "models get",
    "models get --name",
    "models register",
    "pipelines list",
    "pipelines trigger",
    "pipelines status",
    "pipelines watch",
    "runs list",
    "runs get",
    "monitors list",
    "monitors drift",
    "usage",
)
Facts = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """rpc: `Service.Rpc`. fields: of the request. shows: what its answer must have, as JSON.

    route: verb and path, None where there is none; the fields go with it as query or body. missing: of a request
    that names what is not there.
    """

    rpc: str
    fields: Callable[[Facts], Facts]
    shows: Callable[[Facts, Facts], bool]
    route: tuple[str, Callable[[Facts], str]] | None
    missing: Facts = field(default_factory=dict)


def at(verb: str, path: str) -> tuple[str, Callable[[Facts], str]]:
    return verb, lambda facts: path.format(**facts)


def named(items: str, key: str = "name", fact: str = "model") -> Callable[[Facts, Facts], bool]:
    return lambda answer, facts: facts[fact] in [each.get(key) for each in answer[items]]


PAGE = {"pagination": {"pageSize": 100}}
CALLS = {
    "login": Call(
        "AuthService.Login",
        lambda facts: {"email": facts["email"], "password": facts["password"]},
        lambda answer, facts: bool(answer["accessToken"]) and answer["user"]["email"] == facts["email"],
        at("POST", "/api/v1/login"),
    ),
    "models list": Call(
        "RegistryService.ListModels",
        lambda _: {"includeArchived": True, **PAGE},
        named("models"),
        at("GET", "/api/v1/models?include_archived=true&page_size=100"),
    ),
    "models get": Call(
        "RegistryService.GetModel",
        lambda facts: {"id": facts["model_id"]},
        lambda answer, facts: answer["model"]["name"] == facts["model"],
        at("GET", "/api/v1/models/{model_id}"),
        {"id": MISSING},
    ),
    "models get --name": Call(
        "RegistryService.GetModel",
        lambda facts: {"name": facts["model"]},
        lambda answer, facts: answer["model"]["id"] == facts["model_id"],
        None,
        {"name": "nobody-has-made-this"},
    ),
    "models register": Call(
        "RegistryService.RegisterModel",
        lambda _: {"name": f"made-{new_id()}", "framework": "sklearn", "idempotencyKey": new_id()},
        lambda answer, _: bool(answer["model"]["id"]),
        at("POST", "/api/v1/models"),
    ),
    "pipelines list": Call(
        "PipelineOrchestratorService.ListPipelines",
        lambda _: PAGE,
        named("pipelines", "id", "pipeline_id"),
        at("GET", "/api/v1/pipelines?page_size=100"),
    ),
    # Without any input: the original's command has no flag for it.
    "pipelines trigger": Call(
        "PipelineOrchestratorService.TriggerExecution",
        lambda facts: {"pipelineId": facts["pipeline_id"], "idempotencyKey": new_id()},
        lambda answer, facts: answer["execution"]["pipelineId"] == facts["pipeline_id"],
        at("POST", "/api/v1/pipelines/{pipeline_id}/start"),
        {"pipelineId": MISSING},
    ),
    "pipelines status": Call(
        "PipelineOrchestratorService.GetExecution",
        lambda facts: {"executionId": facts["execution_id"]},
        lambda answer, _: bool(answer["execution"]["status"]) and bool(answer["execution"]["stepExecutions"]),
        at("GET", "/api/v1/executions/{execution_id}"),
        {"executionId": MISSING},
    ),
    "pipelines watch": Call(
        "PipelineOrchestratorService.WatchExecution",
        lambda facts: {"executionId": facts["execution_id"], "includeCurrentState": True},
        lambda answer, facts: answer["execution"]["id"] == facts["execution_id"],
        at("GET", "/api/v1/executions/{execution_id}/watch"),
        {"executionId": MISSING},
    ),
    "runs list": Call(
        "ExperimentTrackerService.ListRuns",
        lambda facts: {"experimentId": facts["experiment_id"], **PAGE},
        named("runs", "id", "run_id"),
        at("GET", "/api/v1/runs?experiment_id={experiment_id}&page_size=100"),
    ),
    "runs get": Call(
        "ExperimentTrackerService.GetRun",
        lambda facts: {"id": facts["run_id"]},
        lambda answer, _: answer["run"]["params"] == [{"key": "rate", "value": "0.1"}],
        at("GET", "/api/v1/runs/{run_id}"),
        {"id": MISSING},
    ),
    "monitors list": Call(
        "MonitorService.ListMonitors",
        lambda _: PAGE,
        lambda answer, facts: facts["model"] in [each["monitor"]["modelName"] for each in answer["entries"]],
        at("GET", "/api/v1/monitors?page_size=100"),
    ),
    "monitors drift": Call(
        "MonitorService.ListDriftReports",
        lambda facts: {"modelName": facts["model"], **PAGE},
        lambda answer, _: answer["reports"] == [],
        at("GET", "/api/v1/drift-reports?model_name={model}&page_size=100"),
    ),
    "usage": Call(
        "BillingService.GetUsage",
        lambda _: PAGE,
        lambda answer, _: "summaries" in answer,
        at("GET", "/api/v1/usage"),
    ),
}
KEYED = [name for name, call in CALLS.items() if call.missing]


@pytest.fixture(scope="module")
def contract(tmp_path_factory):
    return Contract(tmp_path_factory.mktemp("contract"), PACKAGES)


@pytest_asyncio.fixture
async def bare(platform):
    async with grpc.aio.insecure_channel(platform.access.address) as opened:
        yield opened


@pytest.fixture
def send(contract, bare):
    """One call by the contract's stubs; of a stream its last message. The answer as JSON with what is empty."""

    async def sent(rpc, fields, token=""):
        method = contract.method(rpc)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        call = method.of(bare)(filled(method, fields), metadata=metadata, timeout=PATIENCE)
        answer = [each async for each in call][-1] if method.streams else await call
        return json_format.MessageToDict(answer, always_print_fields_with_no_presence=True)

    return sent


@pytest_asyncio.fixture
async def facts(platform, send, admin_token, served):
    """What the commands name, made by the contract's own RPCs."""
    token, model = admin_token, f"cli-{new_id()}"
    made = await send("RegistryService.RegisterModel", {"name": model, "idempotencyKey": new_id()}, token)
    config = {"model": served, "version": "1"}
    step = {"id": "validate", "name": "validate", "type": "STEP_TYPE_VALIDATE", "config": config}
    saga = {"name": f"saga-{new_id()}", "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA", "steps": [step]}
    pipeline = await send("PipelineOrchestratorService.CreatePipeline", saga, token)
    of_it = {"pipelineId": pipeline["pipeline"]["id"]}
    execution = await send("PipelineOrchestratorService.TriggerExecution", of_it, token)
    experiment = await send("ExperimentTrackerService.CreateExperiment", {"name": f"e-{new_id()}"}, token)
    experiment_id = experiment["experiment"]["id"]
    started = {"experimentId": experiment_id, "displayName": "one", "params": [{"key": "rate", "value": "0.1"}]}
    run = await send("ExperimentTrackerService.StartRun", started, token)
    await send("MonitorService.ConfigureMonitor", {"modelName": model, "windowSize": 64, "enabled": True}, token)
    return {
        "email": platform.access.email,
        "password": platform.access.password,
        "model": model,
        "model_id": made["model"]["id"],
        "pipeline_id": pipeline["pipeline"]["id"],
        "execution_id": execution["execution"]["id"],
        "experiment_id": experiment_id,
        "run_id": run["run"]["id"],
    }


def test_each_command_has_its_call():
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_call_of_the_command_line_is_answered_over_grpc(command, send, facts, admin_token):
    call = CALLS[command]

    answer = await send(call.rpc, call.fields(facts), "" if command == "login" else admin_token)

    assert call.shows(answer, facts), answer


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


@pytest.mark.parametrize("command", KEYED)
async def test_what_is_not_there_is_not_found(command, send, admin_token):
    """Exit code 5 of the original."""
    call = CALLS[command]

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
