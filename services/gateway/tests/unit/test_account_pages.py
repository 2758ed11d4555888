"""The pages that mails lead to, over an auth that answers what a test says."""

import re

import httpx
import pytest
from forgepoint.auth.v1 import invitations_pb2, people_pb2
from fp_gateway.http.pages.accounts import AccountPages
from fp_gateway.http.pages.forms import Forms
from fp_kernel import FailedPrecondition, invalid
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette

FORM = re.compile(r'name="form_token" value="([^"]+)"')
PATHS = [
    "/forgot-password",
    "/reset-password?token=link",
    "/verify-email?token=link",
    "/accept-invitation?token=link",
    "/register",
]


class Auth:
    """Remembers what it was asked; refuses with `failure`."""

    def __init__(self):
        self.asked = []
        self.failure = None

    async def unary(self, path, message, _request):
        self.asked.append((path.rpartition("/")[2], message))
        if self.failure:
            raise self.failure
        return None, {}


@pytest.fixture
def auth():
    return Auth()


@pytest.fixture
async def browser(auth):
    transport = httpx.ASGITransport(Starlette(routes=AccountPages(auth, Forms(secure=False)).routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE) as client:
        yield client


async def send(browser, path, **fields):
    token = FORM.search((await browser.get(path)).text)[1]
    return await browser.post(path.partition("?")[0], data={"form_token": token} | fields)


@pytest.mark.parametrize("path", PATHS)
async def test_opening_a_link_changes_nothing_and_its_page_is_never_stored(browser, auth, path):
    answer = await browser.get(path)

    assert (answer.status_code, answer.headers["cache-control"], auth.asked) == (200, "no-store", [])


@pytest.mark.parametrize("path", PATHS)
async def test_a_form_of_another_site_is_refused(browser, auth, path):
    await browser.get(path)

    answer = await browser.post(path.partition("?")[0], data={"form_token": "guessed", "token": "link"})

    assert (answer.status_code, auth.asked) == (403, [])


async def test_a_new_password_is_set_by_the_code_of_the_link(browser, auth):
    answer = await send(browser, "/reset-password?token=link", token="link", password="a-river-and-9-lanterns")

    assert answer.status_code == 200
    assert auth.asked == [
        (
            "CompletePasswordReset",
            people_pb2.CompletePasswordResetRequest(token="link", new_password="a-river-and-9-lanterns"),
        )
    ]


async def test_a_password_that_is_refused_can_be_chosen_again_with_the_same_link(browser, auth):
    auth.failure = invalid("new_password", "must have at least 12 characters")

    answer = await send(browser, "/reset-password?token=a%22link", token='a"link', password="short")

    assert answer.status_code == 400
    assert "must have at least 12 characters" in answer.text
    assert 'name="token" value="a&quot;link"' in answer.text
    assert "short" not in answer.text


async def test_an_address_is_verified_by_its_button(browser, auth):
    await send(browser, "/verify-email?token=link", token="link")

    assert auth.asked == [("VerifyEmail", people_pb2.VerifyEmailRequest(token="link"))]


async def test_a_link_is_asked_for_without_saying_whether_there_is_an_account(browser, auth):
    answer = await send(browser, "/forgot-password", email="ada@x.example")

    assert auth.asked == [("RequestPasswordReset", people_pb2.RequestPasswordResetRequest(email="ada@x.example"))]
    assert "ada@x.example" not in answer.text


async def test_who_is_invited_makes_his_account_by_the_code_of_the_link(browser, auth):
    fields = {"token": "link", "name": "Bea", "password": "a-river-and-9-lanterns"}

    answer = await send(browser, "/accept-invitation?token=link", **fields)

    assert answer.status_code == 200
    assert auth.asked == [("AcceptInvitation", invitations_pb2.AcceptInvitationRequest(**fields))]


async def test_an_invitation_that_is_over_says_so_and_keeps_the_name_and_not_the_password(browser, auth):
    auth.failure = FailedPrecondition("the invitation is over; ask for a new one", reason="INVITATION_EXPIRED")

    answer = await send(browser, "/accept-invitation?token=link", token="link", name='B"ea', password="secret-words")

    assert answer.status_code == 400
    assert "the invitation is over" in answer.text
    assert 'value="B&quot;ea"' in answer.text
    assert "secret-words" not in answer.text
