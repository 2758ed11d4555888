import httpx
import pytest
from forgepoint.auth.v1 import auth_pb2
from fp_gateway.http import session
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette


class Auth:
    """Logs everybody in."""

    async def unary(self, _path, _message, _request):
        return auth_pb2.LoginResponse(access_token="a", refresh_token="r"), {}


@pytest.mark.parametrize("secure", [True, False])
async def test_where_https_is_the_rule_browsers_keep_the_session_to_it_though_the_last_hop_is_plain(secure):
    app = httpx.ASGITransport(Starlette(routes=session.routes(Auth(), secure=secure)))
    async with httpx.AsyncClient(transport=app, base_url="http://gateway", timeout=PATIENCE) as client:
        response = await client.post("/api/v1/login", json={"email": "a@b.test", "password": "x"})
    cookies = response.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert {"Secure" in cookie for cookie in cookies} == {secure}
