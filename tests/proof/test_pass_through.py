"""Where there is no Envoy, the gateway's two ports are the platform: one walk through both of them."""

import httpx
import pytest
from forgepoint.auth.v1 import auth_pb2
from forgepoint.inference.v1 import inference_pb2
from fp_devstack.supervisor.catalog import SERVICES
from fp_rpc import BearerToken, Channels
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET, ensure, stop
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from platform_client import READY_SECONDS, Client, deploy_linear

pytestmark = pytest.mark.proof


@pytest.fixture
async def access(tmp_path):
    folder = tmp_path / "data"
    await ensure(folder, options=("--services", ",".join(service.noun for service in SERVICES)))
    client = SupervisorClient(folder / SOCKET)
    try:
        await client.wait_ready(READY_SECONDS)
        yield await client.access()
    finally:
        await stop(folder)


async def test_a_model_is_deployed_and_answers_over_grpc_and_http_without_an_edge(access):
    assert access.address != access.http_address
    anonymous = Channels(None)
    token = await Client(anonymous.open(access.address, timeout=PATIENCE)).login(access.email, access.password)
    await anonymous.close()
    channels = Channels(BearerToken(token))
    admin = Client(channels.open(access.address, timeout=PATIENCE))
    await deploy_linear(admin, "linear")

    me = (await admin.auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims
    info = (await admin.inference.GetModelInfo(inference_pb2.GetModelInfoRequest(model_name="linear"))).model_info
    await channels.close()
    async with httpx.AsyncClient(base_url=f"http://{access.http_address}", timeout=PATIENCE, verify=NO_TLS) as http:
        body = {"inputs": {"x": {"dtype": "FLOAT32", "data": [[1, 2, 3]]}}}
        headers = {"authorization": f"Bearer {token}"}
        predicted = await http.post("/v1/models/linear/predict", json=body, headers=headers)
        refused = await http.post("/v1/models/linear/predict", json=body)

    assert me.email == access.email
    assert info.is_serving
    assert predicted.status_code == 200, predicted.text
    assert refused.status_code == 401
