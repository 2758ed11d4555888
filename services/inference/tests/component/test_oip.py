"""Predictions by the Open Inference Protocol over HTTP, at the port of the RPCs."""

import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_testkit.http import NO_TLS
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]

PATH = "/v2/models/delays/infer"
ROW = {"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [7.0, 1.0]}


@pytest_asyncio.fixture
async def inference(start: Start, runtime: StartRuntime, announce: Announce) -> Any:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await inference.weights({"1": 10_000})
    return inference


@pytest_asyncio.fixture
async def http(inference: Any, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    bearer = {"authorization": f"Bearer {issuer.identity.engineer('alpha')}"}
    async with httpx.AsyncClient(
        base_url=f"http://{inference.service.grpc_address}",
        headers=bearer,
        timeout=PATIENCE,
        verify=NO_TLS,
    ) as client:
        yield client


async def test_a_prediction_is_answered_and_told_as_one_over_grpc(http: httpx.AsyncClient, events: Any) -> None:
    answer = await http.post(PATH, json={"id": "mine", "inputs": [ROW]}, headers={"x-correlation-id": "order-7"})

    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["model_name"], document["model_version"], document["id"]) == ("delays", "1", "mine")
    [output] = document["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("probabilities", "FP32", [1, 2])
    assert output["data"] == pytest.approx([0.99, 0.01])
    assert int(answer.headers["ratelimit-limit"]) > 0
    assert answer.headers["x-request-id"] == "order-7"
    (event,) = await events.wait(1)
    assert event.correlation_id == "order-7"
    assert event.payload.request_id == document["parameters"]["request_id"]
    assert event.payload.feature_summary.categorical_values == {"carrier": "DL"}


async def test_tensors_may_go_and_come_as_bytes(http: httpx.AsyncClient) -> None:
    floats = struct.pack("<2f", 7.0, 1.0)
    tensor = {name: ROW[name] for name in ("name", "datatype", "shape")} | {"parameters": {"binary_data_size": 8}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()

    answer = await http.post(PATH, content=head + floats, headers={"inference-header-content-length": str(len(head))})

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    end = int(answer.headers["inference-header-content-length"])
    assert struct.unpack("<2f", answer.content[end:]) == pytest.approx((0.99, 0.01))


async def test_a_repeated_request_gets_the_first_answer_over_either_protocol(
    http: httpx.AsyncClient, inference: Any, ask: Ask
) -> None:
    key = {"idempotency-key": "order-7"}
    first = await http.post(PATH, json={"inputs": [ROW]}, headers=key)
    second = await http.post(PATH, json={"inputs": [ROW]}, headers=key)
    over_grpc = await inference.stub().Predict(ask((7.0, 1.0)), metadata=(("idempotency-key", "order-7"),))

    assert second.headers["fp-replayed"] == "true"
    assert second.json() == first.json()
    assert over_grpc.request_id == first.json()["parameters"]["request_id"]


@pytest.mark.parametrize(
    ("path", "document", "status", "field"),
    [
        (PATH, {"inputs": []}, 400, "inputs"),
        (PATH, {"inputs": [ROW | {"shape": [1, 3], "data": [1, 2, 3]}]}, 400, "inputs[features].shape"),
        (PATH, {"inputs": [ROW], "outputs": [{"name": "z"}]}, 400, "outputs[z].name"),
        ("/v2/models/a%00b/infer", {"inputs": [ROW]}, 400, "model_name"),
        ("/v2/models/missing/infer", {"inputs": [ROW]}, 404, None),
        ("/v2/models/delays/versions/9/infer", {"inputs": [ROW]}, 400, "version_override"),
    ],
)
async def test_what_is_refused_is_a_problem_that_names_the_field(
    http: httpx.AsyncClient, path: str, document: Any, status: int, field: str | None
) -> None:
    answer = await http.post(path, json=document)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["error"]["code"] == status
    assert [bad["field"] for bad in problem.get("fields", ())] == ([field] if field else [])


async def test_nobody_predicts_without_the_permission(inference: Any, issuer: Issuer) -> None:
    token = issuer.identity.viewer("alpha", scopes=["models:read"])
    async with httpx.AsyncClient(
        base_url=f"http://{inference.service.grpc_address}", timeout=PATIENCE, verify=NO_TLS
    ) as client:
        nobody = await client.post(PATH, json={"inputs": [ROW]})
        viewer = await client.post(PATH, json={"inputs": [ROW]}, headers={"authorization": f"Bearer {token}"})

    assert (nobody.status_code, viewer.status_code) == (401, 403)
