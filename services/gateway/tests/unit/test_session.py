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
    # Browsers take the prefix for a promise: of this host alone, by HTTPS alone, for all of its paths.
    assert {cookie.startswith("__Host-") and "Path=/;" in cookie for cookie in cookies} == {secure}


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "", "text/plain; boundary=application/json"]
)
async def test_no_form_of_another_site_logs_a_browser_in(kind):
    app = httpx.ASGITransport(Starlette(routes=session.routes(Auth(), secure=False)))
    async with httpx.AsyncClient(transport=app, base_url="http://gateway", timeout=PATIENCE) as client:
        response = await client.post("/api/v1/login", content=b'{"email": "a@b.test"}', headers={"content-type": kind})

    assert response.status_code == 400
    assert "set-cookie" not in response.headers
