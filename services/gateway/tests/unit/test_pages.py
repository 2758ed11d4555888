"""The pages for people over an auth that answers what a test says."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from forgepoint.auth.v1 import auth_pb2, sign_in_pb2
from fp_gateway.http.pages.forms import Forms, next_path
from fp_gateway.http.pages.programs import ProgramPages
from fp_gateway.http.pages.sign_in import SignInPages
from fp_kernel import Unauthenticated, Unavailable
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette

SESSION = auth_pb2.LoginResponse(access_token="access", refresh_token="refresh")
FORM = re.compile(r'name="form_token" value="([^"]+)"')


class Auth:
    """Answers by the name of the RPC; remembers messages and bearers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object, str]] = []
        self.failures: dict[str, Exception] = {}
        self.answers: dict[str, object] = {
            "Login": SESSION,
            "ListSignInIssuers": sign_in_pb2.ListSignInIssuersResponse(
                issuers=[sign_in_pb2.SignInIssuer(name="corp", title="Example <Corp>")]
            ),
            "BeginSignIn": sign_in_pb2.BeginSignInResponse(authorization_url="https://id.example/a?b=c", flow="sealed"),
            "CompleteSignIn": sign_in_pb2.CompleteSignInResponse(session=SESSION, return_to="/login/done"),
            "GetCurrentUser": auth_pb2.GetCurrentUserResponse(
                claims=auth_pb2.TokenClaims(email="ada@x.example", role="engineer", team="vision")
            ),
            "GetProgramSignIn": sign_in_pb2.GetProgramSignInResponse(program="fp on <laptop>", user_code="BCDF-GHJK"),
            "DecideProgramSignIn": sign_in_pb2.DecideProgramSignInResponse(),
        }

    async def unary(self, path, message, _request, *, bearer=""):
        name = path.rpartition("/")[2]
        self.asked.append((name, message, bearer))
        if name in self.failures:
            raise self.failures[name]
        if name == "GetCurrentUser" and bearer != "access":
            raise Unauthenticated("nobody")
        return self.answers[name], {}

    def last(self, name: str):
        return [message for asked, message, _ in self.asked if asked == name][-1]


@pytest.fixture
def auth() -> Auth:
    return Auth()


@pytest.fixture
async def browser(auth):
    forms = Forms(secure=False)
    routes = [*SignInPages(auth, forms, secure=False).routes(), *ProgramPages(auth, forms, secure=False).routes()]
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE) as client:
        yield client


async def token_of(browser, path: str) -> str:
    page = await browser.get(path)
    assert page.status_code == 200
    return FORM.search(page.text)[1]


async def sign_in(browser, next_page: str = "", **fields: str) -> httpx.Response:
    form = {"form_token": await token_of(browser, "/login"), "email": "ada@x.example", "password": "p"}
    return await browser.post("/login", data=form | {"next": next_page} | fields)


@pytest.mark.parametrize("path", ["/login", "/login/device", "/login/sso/callback"])
async def test_every_page_forbids_scripts_frames_and_storing(browser, path):
    answer = await browser.get(path)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self';" in policy
    assert "script" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_the_sign_in_page_has_labels_and_a_link_a_provider(browser):
    page = (await browser.get("/login?next=/login/device")).text

    for name in re.findall(r'<input id="([^"]+)"', page):
        assert f'<label for="{name}">' in page
    assert 'href="/login/sso/corp?next=%2Flogin%2Fdevice"' in page
    assert "Example &lt;Corp&gt;" in page
    assert 'value="/login/device"' in page


async def test_a_password_signs_in_and_leaves_the_session_in_cookies_that_scripts_cannot_read(browser):
    answer = await sign_in(browser)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login/done")
    cookies = answer.headers.get_list("set-cookie")
    assert any(cookie.startswith("fp_refresh=refresh") and "HttpOnly" in cookie for cookie in cookies)
    assert any(cookie.startswith("fp_page=access") and "HttpOnly" in cookie for cookie in cookies)
    assert "ada@x.example, engineer of team vision" in (await browser.get("/login/done")).text


async def test_a_wrong_password_is_said_on_the_page_and_the_address_stays(browser, auth):
    auth.failures["Login"] = Unauthenticated("e-mail address or password is wrong")

    answer = await sign_in(browser, email='"><b>')

    assert answer.status_code == 401
    assert 'role="alert">e-mail address or password is wrong' in answer.text
    assert "&quot;&gt;&lt;b&gt;" in answer.text
    assert "<b>" not in answer.text


REQUIRED = Unauthenticated("give a code", reason="SECOND_FACTOR_REQUIRED", metadata={"password_proof": 'seal"ed'})


async def test_who_has_a_second_factor_is_asked_for_the_code_on_a_second_page_without_the_password(browser, auth):
    auth.failures["Login"] = REQUIRED

    answer = await sign_in(browser, "/login/device", password="typed-once")

    assert answer.status_code == 200
    assert 'autocomplete="one-time-code"' in answer.text
    assert 'action="/login/code"' in answer.text
    assert 'name="password_proof" value="seal&quot;ed"' in answer.text
    assert "typed-once" not in answer.text
    del auth.failures["Login"]
    done = await browser.post("/login/code", data=code_form(answer, code="123456"))
    assert (done.status_code, done.headers["location"]) == (303, "/login/device")
    asked = auth.last("Login")
    assert (asked.password_proof, asked.totp_code, asked.password) == ('seal"ed', "123456", "")


def code_form(page, **fields):
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    return {name: unescape(value) for name, value in hidden} | fields


async def test_a_wrong_code_is_asked_for_again_and_what_is_over_leads_back_to_the_password(browser, auth):
    auth.failures["Login"] = REQUIRED
    page = await sign_in(browser)

    auth.failures["Login"] = Unauthenticated("the code is wrong", reason="SECOND_FACTOR_WRONG")
    again = await browser.post("/login/code", data=code_form(page, code="1"))
    assert (again.status_code, 'role="alert">the code is wrong' in again.text) == (401, True)
    assert code_form(again)["password_proof"] == 'seal"ed'

    auth.failures["Login"] = Unauthenticated("give your password again", reason="PASSWORD_PROOF_OVER")
    over = await browser.post("/login/code", data=code_form(page, code="1"))
    assert over.status_code == 401
    assert 'name="password"' in over.text


@pytest.mark.parametrize(
    ("fields", "headers"),
    [({"form_token": "x" * 32}, {}), ({"form_token": ""}, {}), ({}, {"sec-fetch-site": "cross-site"})],
)
async def test_a_form_of_another_site_is_refused(browser, auth, fields, headers):
    form = {"form_token": await token_of(browser, "/login"), "email": "a@b.test", "password": "p"}

    for path in ("/login", "/login/code"):
        assert (await browser.post(path, data=form | fields, headers=headers)).status_code == 403
    assert not [name for name, *_ in auth.asked if name == "Login"]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/login/device/../../x",
        "/login/device?a=b\r\nset-cookie: c=d",
        "/login/device#x",
        "/api/v1/models",
        "javascript:alert(1)",
        "/login/deviceevil",
    ],
)
async def test_nobody_is_led_elsewhere_after_signing_in(browser, wanted):
    assert next_path(wanted) == "/login/done"
    assert (await sign_in(browser, wanted)).headers["location"] == "/login/done"


async def test_a_provider_is_asked_with_a_flow_that_only_this_browser_has(browser, auth):
    begun = await browser.get("/login/sso/corp?next=/login/device")
    assert begun.headers["location"] == "https://id.example/a?b=c"
    assert auth.last("BeginSignIn").return_to == "/login/device"
    assert "SameSite=lax" in begun.headers["set-cookie"]

    answer = await browser.get("/login/sso/callback?state=s&code=c&iss=i")

    sent = auth.last("CompleteSignIn")
    assert (sent.flow, sent.state, sent.code, sent.issuer) == ("sealed", "s", "c", "i")
    assert answer.headers["location"] == "/login/done"
    assert "fp_sso" not in browser.cookies


async def test_an_answer_without_a_flow_in_this_browser_is_refused(browser, auth):
    answer = await browser.get("/login/sso/callback?state=s&code=c")

    assert answer.status_code == 401
    assert not [name for name, *_ in auth.asked if name == "CompleteSignIn"]


async def test_a_return_that_was_sealed_elsewhere_still_leads_to_a_page_of_ours(browser, auth):
    auth.answers["CompleteSignIn"].return_to = "https://evil.example"
    await browser.get("/login/sso/corp")
    answer = await browser.get("/login/sso/callback?state=s&code=c")
    assert answer.headers["location"] == "/login/done"


async def test_a_provider_that_is_away_is_a_page_that_says_so(browser, auth):
    auth.failures["BeginSignIn"] = Unavailable("https://id.example does not answer", retry_after=5.0)
    answer = await browser.get("/login/sso/corp")
    assert answer.status_code == 503
    assert "does not answer" in answer.text


async def test_consent_asks_for_a_sign_in_first_and_comes_back(browser):
    asked = await browser.get("/login/device?user_code=BCDF-GHJK")
    wanted = parse_qs(urlsplit(asked.headers["location"]).query)["next"][0]

    assert (await sign_in(browser, wanted)).headers["location"] == "/login/device?user_code=BCDF-GHJK"


async def test_a_person_lets_a_device_in_after_seeing_its_code_and_who_he_is(browser, auth):
    await sign_in(browser)
    page = await browser.get("/login/device?user_code=bcdfghjk")
    assert "fp on &lt;laptop&gt;" in page.text
    assert "BCDF-GHJK" in page.text
    assert "ada@x.example" in page.text

    form = {"form_token": FORM.search(page.text)[1], "user_code": "BCDF-GHJK", "allow": "yes"}
    answer = await browser.post("/login/device", data=form)

    assert answer.status_code == 200
    name, message, bearer = auth.asked[-1]
    assert (name, message.user_code, message.allow, bearer) == ("DecideProgramSignIn", "BCDF-GHJK", True, "access")


async def test_whoever_does_not_press_allow_refuses(browser, auth):
    await sign_in(browser)
    form = {"form_token": await token_of(browser, "/login"), "user_code": "BCDF-GHJK"}
    await browser.post("/login/device", data=form)
    assert auth.last("DecideProgramSignIn").allow is False


async def test_a_program_beside_the_browser_gets_its_answer_on_the_loopback_alone(browser, auth):
    auth.answers["GetProgramSignIn"].port = 5555
    await sign_in(browser)
    page = await browser.get("/login/program?request=sealed")
    assert "form-action 'self' http://127.0.0.1:5555;" in page.headers["content-security-policy"]
    form = {"form_token": FORM.search(page.text)[1], "request": "sealed", "allow": "yes"}

    auth.answers["DecideProgramSignIn"].redirect_url = "http://127.0.0.1:5555/callback?code=c"
    good = await browser.post("/login/program", data=form)
    auth.answers["DecideProgramSignIn"].redirect_url = "https://evil.example"
    bad = await browser.post("/login/program", data=form)

    assert (good.status_code, good.headers["location"]) == (303, "http://127.0.0.1:5555/callback?code=c")
    assert bad.status_code == 500


async def test_the_sheet_is_served_and_may_be_stored(browser):
    answer = await browser.get("/login/style.css")
    assert answer.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("secure", [True, False])
async def test_cookies_of_pages_need_https_where_the_platform_is_in_production(auth, secure):
    forms = Forms(secure=secure)
    app = httpx.ASGITransport(Starlette(routes=SignInPages(auth, forms, secure=secure).routes()))
    async with httpx.AsyncClient(transport=app, base_url="https://gateway", timeout=PATIENCE) as browser:
        page = await browser.get("/login")
        form = {"form_token": FORM.search(page.text)[1], "email": "a@b.test", "password": "p"}
        answer = await browser.post("/login", data=form)
    cookies = [*page.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    assert len(cookies) == 4
    assert {"Secure" in cookie for cookie in cookies} == {secure}
