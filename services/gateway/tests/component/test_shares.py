"""One caller floods the gateway's HTTP, and others are served. At this rate nobody earns a token while a test runs."""

import asyncio
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio
from fp_gateway.http.shares import Shares
from fp_gateway.methods import all_methods
from fp_kernel import Principal, ResourceExhausted
from fp_rpc.server.principal_limits import PrincipalLimit, PrincipalLimits
from fp_telemetry import Metrics
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

from services.gateway.tests.component.conftest import gateway

NEVER = 1e-6
METHODS = all_methods()
LIST = METHODS["/forgepoint.registry.v1.RegistryService/ListModels"]
WATCH = METHODS["/forgepoint.pipeline.v1.PipelineOrchestratorService/WatchExecution"]
ANN = Principal("ann", "alpha", "viewer", frozenset({"models:read"}), expires_at=4e9)


@pytest_asyncio.fixture
async def ask(issuer, services, nats_url, unused_port):
    """`await ask(token)`: the answer to a read."""
    async with (
        gateway(issuer, services, nats_url, unused_port, principal_rate=NEVER, principal_crowd=0) as edge,
        httpx.AsyncClient(base_url=edge.http, timeout=PATIENCE, verify=NO_TLS) as http,
    ):

        async def get(token):
            return await http.get("/api/v1/models", headers={"authorization": f"Bearer {token}"})

        yield get


async def test_a_caller_who_floods_the_gateway_is_refused_while_another_is_served(ask, issuer):
    flood, other = (issuer.identity.engineer(team, sub=team) for team in ("alpha", "beta"))

    answers = await asyncio.gather(*(ask(flood) for _ in range(20)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 19
    assert {answer.json()["reason"] for answer in refused} == {"PRINCIPAL_LIMITED"}
    assert all(float(answer.headers["retry-after"]) > 0 for answer in refused)
    assert (await ask(other)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/m/stream", {"items": [{"itemId": "a", "inputs": {"x": {"dtype": "FLOAT32", "data": [1]}}}]}),
        ("/v1/models/m/predict", {"inputs": {"x": {"dtype": "FLOAT32", "data": [1]}}}),
    ],
)
async def test_a_request_with_a_body_is_one_call_of_its_caller(issuer, services, nats_url, unused_port, path, body):
    async with (
        gateway(issuer, services, nats_url, unused_port, principal_calls=1) as edge,
        httpx.AsyncClient(base_url=edge.http, timeout=PATIENCE, verify=NO_TLS) as http,
    ):
        answer = await http.post(path, json=body, headers=edge.headers())

    assert answer.status_code == 200, answer.text


@pytest.fixture
def shares():
    return Shares(PrincipalLimits(PrincipalLimit(NEVER, crowd=3, calls=2), Metrics("gateway")))


def test_a_request_that_has_ended_counts_no_more(shares):
    for _ in range(10):
        scope = {}
        shares.enter(scope, ANN, LIST)
        shares.leave(scope)


def test_one_that_never_entered_leaves_nothing(shares):
    shares.leave({})
    shares.enter({}, ANN, LIST)


def test_streams_of_events_are_no_crowd_and_have_a_number_of_their_own(shares):
    for number in range(10):
        shares.enter({}, replace(ANN, user_id=f"user-{number // 2}"), WATCH)
    for _ in range(2):
        shares.enter({}, replace(ANN, user_id="bob"), LIST)

    with pytest.raises(ResourceExhausted) as refused:
        shares.enter({}, replace(ANN, user_id="bob"), LIST)
    assert refused.value.metadata["quota"] == "calls"
