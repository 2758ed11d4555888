"""The Open Inference Protocol v2 over HTTP; the inference service answers its input."""

import struct

import httpx
import orjson
import pytest_asyncio
from fp_testkit.http import NO_TLS


@pytest_asyncio.fixture
async def http(edge):
    async with httpx.AsyncClient(
        base_url=f"{edge.http}/v2", headers=edge.headers(), timeout=60, verify=NO_TLS
    ) as client:
        yield client


async def test_the_server_says_what_it_is_and_that_it_is_there_to_anybody(edge):
    async with httpx.AsyncClient(base_url=edge.http, timeout=60, verify=NO_TLS) as http:
        metadata = (await http.get("/v2")).json()
        live, ready = await http.get("/v2/health/live"), await http.get("/v2/health/ready")

    assert metadata["name"] == "forgepoint"
    assert "binary_tensor_data" in metadata["extensions"]
    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.json()) == (200, {"ready": True})


async def test_without_the_inference_service_the_server_is_not_ready_but_lives(edge, http):
    await edge.servers[0].stop(0)

    assert (await http.get("/health/live")).status_code == 200
    ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (400, {"ready": False})


async def test_a_model_says_what_it_takes(http):
    model = (await http.get("/models/m")).json()

    assert model == {
        "name": "m",
        "versions": ["1", "2"],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "scale", "datatype": "FP16", "shape": [1], "parameters": {"optional": True}},
        ],
        "outputs": [{"name": "y", "datatype": "INT64", "shape": [-1]}],
    }
    assert (await http.get("/models/m/versions/2")).json()["name"] == "m"
    assert (await http.get("/models/m/versions/2/ready")).json() == {"name": "m", "ready": True}
    assert (await http.get("/models/asleep/ready")).status_code == 400
    for nothing in ("/models/missing", "/models/missing/ready", "/models/m/versions/9", "/models/m/versions/9/ready"):
        assert (await http.get(nothing)).status_code == 404


async def test_every_type_comes_back_as_it_went(http):
    inputs = [
        {"name": "a", "datatype": "FP32", "shape": [2, 2], "data": [[1.5, 2], [3, 4]]},
        {"name": "b", "datatype": "FP64", "shape": [1], "data": [0.1]},
        {"name": "c", "datatype": "INT32", "shape": [2], "data": [-1, 2]},
        {"name": "d", "datatype": "INT64", "shape": [1, 1], "data": [9007199254740993]},
        {"name": "e", "datatype": "BOOL", "shape": [2], "data": [True, False]},
        {"name": "f", "datatype": "BYTES", "shape": [2], "data": ["", "h\u00e9"]},
    ]

    response = await http.post("/models/m/versions/3/infer", json={"id": "mine", "inputs": inputs})

    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("m", "3", "mine")
    assert [(output["datatype"], output["shape"]) for output in answer["outputs"]] == [
        (one["datatype"], one["shape"]) for one in inputs
    ]
    assert [output["data"] for output in answer["outputs"]] == [
        [1.5, 2.0, 3.0, 4.0],
        [0.1],
        [-1, 2],
        [9007199254740993],
        [True, False],
        ["", "h\u00e9"],
    ]


async def test_only_the_outputs_that_are_asked_for_come(http):
    inputs = [{"name": name, "datatype": "INT32", "shape": [1], "data": [1]} for name in "ab"]

    answer = (await http.post("/models/m/infer", json={"inputs": inputs, "outputs": [{"name": "b"}]})).json()
    unknown = await http.post("/models/m/infer", json={"inputs": inputs, "outputs": [{"name": "z"}]})

    assert [output["name"] for output in answer["outputs"]] == ["b"]
    assert unknown.status_code == 400
    assert unknown.json()["fields"][0]["field"] == "outputs[z].name"


async def test_tensors_may_go_and_come_as_bytes(http):
    floats = struct.pack("<2f", 1.5, 2.5)
    document = orjson.dumps(
        {
            "inputs": [
                {"name": "a", "datatype": "INT32", "shape": [1], "data": [7]},
                {"name": "b", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": len(floats)}},
            ],
            "outputs": [{"name": "a"}, {"name": "b", "parameters": {"binary_data": True}}],
        }
    )
    headers = {"inference-header-content-length": str(len(document)), "content-type": "application/octet-stream"}

    response = await http.post("/models/m/infer", content=document + floats, headers=headers)

    assert response.status_code == 200, response.text
    length = int(response.headers["inference-header-content-length"])
    first, second = orjson.loads(response.content[:length])["outputs"]
    assert first["data"] == [7]
    assert second["parameters"] == {"binary_data_size": 8}
    assert response.content[length:] == floats


X = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}


async def test_an_error_is_a_problem_with_its_status(http):
    refused = await http.post("/models/m/infer", json={"inputs": []})
    missing = await http.post("/models/missing/infer", json={"inputs": [X]})

    for response, status in ((refused, 400), (missing, 404)):
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["error"]["code"] == status
