"""Many predictions by HTTP: together, and each as soon as it is there."""

import json

import httpx
import pytest
import pytest_asyncio
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE


@pytest_asyncio.fixture
async def http(edge):
    async with httpx.AsyncClient(base_url=edge.http, timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


def items(*numbers):
    return {"items": [{"itemId": f"i{n}", "inputs": {"x": {"dtype": "FLOAT32", "data": [n]}}} for n in numbers]}


def answered(result):
    return result["itemId"], result["outputs"]["x"]["data"], result["servedVersion"]


async def test_items_are_answered_in_plain_json_each_for_itself(edge, http):
    body = items(1, -1, 2) | {"idempotencyKey": "k"}

    response = await http.post("/v1/models/m/versions/3/batch", json=body, headers=edge.headers())

    assert response.status_code == 200, response.text
    first, failed, last = response.json()["results"]
    assert [answered(each) for each in (first, last)] == [("i1", [1.0], "3"), ("i2", [2.0], "3")]
    assert (failed["itemId"], failed["error"]["code"], "outputs" in failed) == ("i-1", "NEGATIVE", False)
    assert response.json()["requestId"] == "k"


async def test_a_stream_sends_each_result_and_says_its_end(edge, http):
    async with http.stream("POST", "/v1/models/m/stream", json=items(1, -1, 2), headers=edge.headers()) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in response.aiter_lines() if line]

    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [each.get("itemId") for each in data] == ["i1", "i-1", "i2", None]
    assert answered(data[0]) == ("i1", [1.0], "1")
    assert data[1]["error"]["code"] == "NEGATIVE"
    assert lines[-2:] == ["event: end", 'data: {"reason":"complete"}']


@pytest.mark.parametrize("way", ["batch", "stream"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": {}}, "items"),
        ({"items": ["x"]}, "items[0]"),
        ({"items": [{"inputs": {"x": {"data": [1]}}}]}, "items[0].itemId"),
        ({"items": [{"itemId": "a", "inputs": {}}]}, "items[0].inputs"),
        ({"items": [{"itemId": "a", "inputs": {"x": {"data": [[1], [2, 3]]}}}]}, "items[0].inputs[x].data"),
        ({"items": [{"itemId": "a", "colour": 1}]}, "items[0].colour"),
        (items(1) | {"colour": 1}, "colour"),
        (items(1) | {"attributes": {"plan": 1}}, "attributes"),
    ],
)
async def test_what_is_wrong_is_named_before_anything_is_asked(edge, http, way, body, field):
    response = await http.post(f"/v1/models/m/{way}", json=body, headers=edge.headers())

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert field in response.text


@pytest.mark.parametrize("way", ["batch", "stream"])
async def test_a_model_that_is_not_there_is_404_and_a_viewer_predicts_nothing(edge, http, way):
    missing = await http.post(f"/v1/models/missing/{way}", json=items(1), headers=edge.headers())
    viewer = await http.post(
        f"/v1/models/m/{way}",
        json=items(1),
        headers=edge.headers(edge.issuer.identity.token(role="viewer", team="alpha")),
    )

    assert (missing.status_code, viewer.status_code) == (404, 403)
