import httpx
import pytest
import pytest_asyncio
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

# In the contract, and nobody answers them yet.
NOT_BUILT = ("/api/v1/evals", "/api/v1/ai/providers", "/api/v1/ai/usage", "/api/v1/prompts", "/api/v1/prompts/p")


@pytest_asyncio.fixture
async def http(edge):
    async with httpx.AsyncClient(base_url=edge.http, timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


async def test_a_model_is_read_as_json(edge, http):
    response = await http.get("/api/v1/models/abc", headers=edge.headers())

    assert response.status_code == 200
    assert response.json()["model"]["id"] == "abc"
    assert response.headers["fp-position"] == "7"


async def test_what_a_service_tells_the_gateway_alone_is_no_header(edge, http):
    response = await http.get("/api/v1/models/abc", headers=edge.headers())

    assert "x-secret-host" not in response.headers


async def test_filters_and_pages_are_query_parameters(edge, http):
    response = await http.get("/api/v1/models?framework=onnx&page_size=5", headers=edge.headers())

    assert response.json()["models"][0]["name"] == "onnx"


async def test_a_created_model_is_201_and_the_key_header_goes_along(edge, http):
    headers = edge.headers() | {"Idempotency-Key": "k-1"}

    response = await http.post("/api/v1/models", json={"name": "m"}, headers=headers)

    assert response.status_code == 201
    assert dict(edge.registry.calls[0].metadata)["idempotency-key"] == "k-1"


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "field"),
    [
        ("POST", "/api/v1/models", b'{"name": ""}', 400, "name"),
        ("POST", "/api/v1/models", b"{", 400, "body"),
        ("POST", "/api/v1/models", b"[]", 400, "body"),
        ("POST", "/api/v1/models", b'{"nmae": "x"}', 400, "nmae"),
        ("GET", "/api/v1/models?colour=red", None, 400, "colour"),
        ("POST", "/v1/models/m/predict", b"{}", 400, "inputs"),
        (
            "POST",
            "/v1/models/m/predict",
            b'{"inputs": {"x": {"data": [[1], [2, 3]], "shape": [2, 1]}}}',
            400,
            "inputs[x].data",
        ),
        ("POST", "/v1/models/m/predict", b'{"inputs": {}, "colour": 1}', 400, "colour"),
    ],
)
async def test_bad_input_is_a_problem_that_names_the_field(edge, http, verb, path, body, status, field):
    response = await http.request(verb, path, content=body, headers=edge.headers())

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["error"]["code"] == status
    assert field in str(problem)


@pytest.mark.parametrize(
    ("name", "status"),
    [("idempotency-key", 400), ("fp-position", 400), ("authorization", 401), ("x-correlation-id", 200)],
)
@pytest.mark.parametrize("value", ["\u00e9", "k" * 5_000])
async def test_a_header_that_no_service_takes_is_named_or_left_out(edge, http, name, status, value):
    headers = edge.headers() | {name: value.encode("latin-1")}

    response = await http.get("/api/v1/models/abc", headers=headers)

    assert response.status_code == status
    assert status == 200 or name in response.text


async def test_long_headers_of_a_caller_fit_beside_what_the_gateway_adds(edge, http):
    headers = edge.headers() | {"idempotency-key": "k" * 4_096, "x-correlation-id": "c" * 3_000}

    for _ in range(20):
        assert (await http.get("/api/v1/models/abc", headers=headers)).status_code == 200


@pytest.mark.parametrize("after", ["-1", "9" * 20, "\u0663", "x"])
async def test_a_number_that_no_transition_has_is_named(edge, http, after):
    response = await http.get("/api/v1/executions/3/watch", params={"after_sequence": after}, headers=edge.headers())

    assert response.status_code == 400
    assert "after_sequence" in response.text


async def test_a_body_of_twenty_megabytes_is_413(edge, http):
    response = await http.post("/api/v1/models", content=b'"' + b"x" * 20_000_000 + b'"', headers=edge.headers())

    assert response.status_code == 413
    assert "body" in response.text


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/v1/models/x", {}, 401),
        ("/api/v1/models/x", {"authorization": "Bearer nonsense"}, 401),
        ("/api/v1/usage", None, 501),
        ("/api/v1/nothing", None, 404),
        *((path, None, 501) for path in NOT_BUILT),
        *((path, {}, 401) for path in NOT_BUILT),
    ],
)
async def test_every_status_has_its_number(edge, http, path, headers, status):
    response = await http.get(path, headers=edge.headers(edge.issuer.identity.admin()) if headers is None else headers)

    assert response.status_code == status
    assert response.json()["error"]["code"] == status


async def test_a_prediction_in_plain_json(edge, http):
    body = {"inputs": {"x": {"dtype": "FLOAT32", "data": [[1.5, 2.0]]}}, "idempotencyKey": "k"}

    response = await http.post("/v1/models/m/versions/3/predict", json=body, headers=edge.headers())

    assert response.status_code == 200
    answer = response.json()
    assert answer["outputs"]["x"] == {"dtype": "FLOAT32", "shape": [1, 2], "data": [1.5, 2.0]}
    assert (answer["servedVersion"], answer["requestId"]) == ("3", "k")


async def test_a_watch_streams_events_and_ends(edge, http):
    response = await http.get("/api/v1/executions/3/watch", headers=edge.headers() | {"last-event-id": "1"})

    assert response.headers["content-type"].startswith("text/event-stream")
    assert [line for line in response.text.splitlines() if line.startswith("id:")] == ["id: 2", "id: 3"]
    # Without a name an event reaches the `onmessage` of an EventSource; the original's clients listen there.
    assert response.text.startswith('id: 2\ndata: {"sequence":"2"')
    assert response.text.endswith('event: end\ndata: {"reason":"complete"}\n\n')


async def test_a_chat_that_nobody_answers_is_a_status_and_not_a_stream(edge, http):
    body = {"model": "any", "messages": [{"content": "hello"}]}

    assert (await http.post("/api/v1/chat", json=body)).status_code == 401
    assert (await http.post("/api/v1/chat", json=body, headers=edge.headers())).status_code == 501


async def test_a_watch_of_nothing_is_a_status_and_not_a_stream(edge, http):
    response = await http.get("/api/v1/executions/missing/watch", headers=edge.headers())

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_without_a_session_there_is_nothing_to_refresh(http):
    assert (await http.post("/api/v1/refresh")).status_code == 401


async def test_a_cookie_alone_does_not_refresh(http):
    headers = {"cookie": "__Host-fp_refresh=token; __Host-fp_csrf=one", "x-csrf-token": "another"}

    response = await http.post("/api/v1/refresh", headers=headers)

    assert response.status_code == 403
