"""The public HTTP surface, as a browser and a program use it."""

import asyncio

import httpx
import pytest_asyncio
from fp_events import connect as connect_bus
from fp_events.consumer.tail import tail
from fp_kernel import new_id
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE


@pytest_asyncio.fixture
async def http(platform):
    async with httpx.AsyncClient(base_url=platform.http, timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


async def login(http, platform):
    body = {"email": platform.access.email, "password": platform.access.password}
    response = await http.post("/api/v1/login", json=body)
    assert response.status_code == 200, response.text
    return response


async def test_a_login_gives_a_token_and_keeps_the_session_in_a_cookie_no_script_can_read(http, platform):
    response = await login(http, platform)

    document = response.json()
    assert set(document) == {"accessToken", "expiresAt", "user"}
    assert document["user"]["email"] == platform.access.email
    cookies = {cookie.split("=")[0]: cookie for cookie in response.headers.get_list("set-cookie")}
    assert "HttpOnly" in cookies["fp_refresh"]
    assert "SameSite=strict" in cookies["fp_refresh"]
    me = await http.get("/api/v1/me", headers={"authorization": f"Bearer {document['accessToken']}"})
    assert me.json()["claims"]["email"] == platform.access.email


async def test_a_session_is_refreshed_with_the_csrf_header_and_ends_at_logout(http, platform):
    await login(http, platform)

    headers = {"x-csrf-token": http.cookies["fp_csrf"]}
    refreshed = await http.post("/api/v1/refresh", headers=headers)
    assert refreshed.status_code == 200
    spent = dict(http.cookies)

    headers = {"x-csrf-token": http.cookies["fp_csrf"]}
    assert (await http.post("/api/v1/logout", headers=headers)).status_code == 200
    cookie = "; ".join(f"{name}={value}" for name, value in spent.items())
    again = await http.post("/api/v1/refresh", headers={"cookie": cookie, "x-csrf-token": spent["fp_csrf"]})
    assert again.status_code == 401


async def test_a_wrong_password_is_a_problem_that_says_no_more_than_that(http, platform):
    body = {"email": platform.access.email, "password": "not the password"}

    response = await http.post("/api/v1/login", json=body)

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"


async def test_models_executions_and_predictions_over_http(http, platform, admin_token, served):
    headers = {"authorization": f"Bearer {admin_token}"}

    models = (await http.get("/api/v1/models?page_size=100", headers=headers)).json()["models"]
    model = next(found for found in models if found["name"] == served)
    versions = (await http.get(f"/api/v1/models/{model['id']}/versions", headers=headers)).json()["versions"]
    executions = (await http.get("/api/v1/executions", headers=headers)).json()["executions"]
    one = await http.get(f"/api/v1/executions/{executions[-1]['id']}", headers=headers)
    body = {"inputs": {"x": {"dtype": "FLOAT32", "data": [[1, 1, 1]]}}}
    predicted = await http.post(f"/v1/models/{served}/predict", json=body, headers=headers)
    info = await http.get(f"/v1/models/{served}/info", headers=headers)

    assert "MODEL_STAGE_PRODUCTION" in {version["stage"] for version in versions}
    assert one.json()["execution"]["stepExecutions"]
    assert predicted.json()["outputs"]["y"]["data"] == [6.0]
    assert info.json()["modelInfo"]["inputs"][0]["name"] == "x"


async def test_a_watch_of_an_ended_execution_tells_every_transition_and_ends(http, admin_token, served):
    headers = {"authorization": f"Bearer {admin_token}"}
    executions = (await http.get("/api/v1/executions", headers=headers)).json()["executions"]

    response = await http.get(f"/api/v1/executions/{executions[-1]['id']}/watch", headers=headers)

    assert response.text.endswith('event: end\ndata: {"reason":"complete"}\n\n')
    assert response.text.count("\ndata: ") >= 1


async def test_a_model_is_registered_over_http_and_a_second_of_its_name_is_a_conflict(http, admin_token):
    headers = {"authorization": f"Bearer {admin_token}"}

    first = await http.post("/api/v1/models", json={"name": "over-http"}, headers=headers)
    second = await http.post("/api/v1/models", json={"name": "over-http"}, headers=headers)

    assert (first.status_code, second.status_code) == (201, 409)


async def test_a_model_has_a_history_and_is_archived_over_http(http, admin_token):
    headers = {"authorization": f"Bearer {admin_token}"}
    name = f"archived-{new_id()}"
    made = await http.post("/api/v1/models", json={"name": name}, headers=headers)
    model = f"/api/v1/models/{made.json()['model']['id']}"

    history = await http.get(f"{model}/history", headers=headers)
    rollback = await http.post(f"{model}/rollback", headers=headers)
    archived = await http.post(f"{model}/archive", headers=headers)
    read = await http.get(model, headers=headers | {"fp-position": archived.headers["fp-position"]})

    assert history.json()["tenures"] == []
    assert (rollback.status_code, rollback.json()["kind"]) == (400, "FAILED_PRECONDITION")
    assert archived.status_code == 200
    assert read.json()["model"]["archivedAt"]


async def test_the_same_model_by_the_open_inference_protocol(http, admin_token, served):
    headers = {"authorization": f"Bearer {admin_token}"}
    rows = {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": [[1, 1, 1], [0, 0, 2]]}
    wrong = rows | {"shape": [1, 6], "data": [1, 1, 1, 0, 0, 2]}

    ready = (await http.get("/v2/health/ready")).status_code, (await http.get(f"/v2/models/{served}/ready")).status_code
    model = (await http.get(f"/v2/models/{served}", headers=headers)).json()
    inferred = await http.post(f"/v2/models/{served}/infer", json={"id": "a", "inputs": [rows]}, headers=headers)
    refused = await http.post(f"/v2/models/{served}/infer", json={"inputs": [wrong]}, headers=headers)

    assert ready == (200, 401)
    assert model["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert inferred.status_code == 200, inferred.text
    assert inferred.json()["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [2, 1], "data": [6.0, 6.0]}]
    assert (inferred.json()["id"], refused.status_code) == ("a", 400)
    assert refused.json()["fields"][0]["field"] == "inputs[x].shape"


async def test_the_audit_of_a_service_knows_where_the_caller_sits(platform, admin_token):
    bus = await connect_bus(platform.admin_nats_url, name="test")
    # Another address of this machine, so that it cannot be taken for the gateway's own.
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    headers = {"authorization": f"Bearer {admin_token}", "x-correlation-id": f"peer-{new_id()}"}
    try:
        async with (
            asyncio.timeout(60),
            tail(bus, "fp.audit.>") as passing,
            httpx.AsyncClient(transport=elsewhere, base_url=platform.http, timeout=60) as client,
        ):
            response = await client.post("/api/v1/experiments", json={"name": f"e-{new_id()}"}, headers=headers)
            assert response.status_code == 201
            async for found in passing:
                if found.event.correlation_id == headers["x-correlation-id"]:
                    break
    finally:
        await bus.close()

    assert found.event.payload.peer == "ipv4:127.0.0.2"
