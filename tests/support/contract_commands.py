"""What the original's command line calls, by the names of the contract; and what its calls name, made before them."""

from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import pytest_asyncio
from contract_client import Contract, filled
from fp_kernel import new_id
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format

_NOUNS = ("common", "events", "auth", "registry", "inference", "pipeline", "experiment", "monitor", "billing")
PACKAGES = tuple(f"forgepoint.{noun}.v1" for noun in _NOUNS)
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
Send = Callable[..., Awaitable[Facts]]


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


_ROW = {"shape": ["1", "3"], "dtype": "DATA_TYPE_FLOAT32", "data": b64encode(bytes(12)).decode()}
# What its SDK calls besides, in its examples.
SDK = {
    "predict": Call(
        "InferenceGatewayService.Predict",
        lambda facts: {"modelName": facts["served"], "inputs": {"x": _ROW}},
        lambda answer, _: list(answer["outputs"]) == ["y"] and bool(answer["requestId"]),
        None,
        {"modelName": "nobody-has-made-this", "inputs": {"x": _ROW}},
    ),
    # With nothing that asks for the present state.
    "watch": Call(
        "PipelineOrchestratorService.WatchExecution",
        lambda facts: {"executionId": facts["execution_id"]},
        lambda answer, facts: answer["execution"]["id"] == facts["execution_id"],
        None,
        {"executionId": MISSING},
    ),
}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return Contract(tmp_path_factory.mktemp("contract"), PACKAGES)


@pytest_asyncio.fixture
async def bare(platform: Any) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(platform.access.address) as opened:
        yield opened


@pytest.fixture
def send(contract: Contract, bare: grpc.aio.Channel) -> Send:
    """One call by the contract's stubs; of a stream its last message. The answer as JSON with what is empty."""

    async def sent(rpc: str, fields: Facts, token: str = "") -> Facts:
        method = contract.method(rpc)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        call = method.of(bare)(filled(method, fields), metadata=metadata, timeout=PATIENCE)
        answer = [each async for each in call][-1] if method.streams else await call
        return json_format.MessageToDict(answer, always_print_fields_with_no_presence=True)

    return sent


@pytest_asyncio.fixture
async def facts(platform: Any, send: Send, admin_token: str, served: str) -> Facts:
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
        "served": served,
        "model_id": made["model"]["id"],
        "pipeline_id": pipeline["pipeline"]["id"],
        "execution_id": execution["execution"]["id"],
        "experiment_id": experiment_id,
        "run_id": run["run"]["id"],
    }
