"""Sign-in by a real OpenID Connect provider, called as the gateway does."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio
from forgepoint.auth.v1 import auth_pb2, people_pb2, people_pb2_grpc, sign_in_pb2, sign_in_pb2_grpc
from fp_auth.sign_in_settings import IssuerSettings
from fp_kernel import FailedPrecondition, NotFound, PermissionDenied, Unauthenticated, Unavailable
from fp_rpc import BearerToken, Channels
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from fp_testkit.wallclock import real_now

PUBLIC = "http://127.0.0.1:8000"
PASSING = (FailedPrecondition, NotFound, PermissionDenied)


class Ahead:
    """A clock that is some hours ahead of everybody else's."""

    def __init__(self, hours: float) -> None:
        self._ahead = timedelta(hours=hours)

    def now(self):
        return real_now() + self._ahead

    def monotonic(self):
        return self.now().timestamp()


@pytest_asyncio.fixture
async def browser():
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE, verify=NO_TLS) as opened:
        yield opened


@pytest.fixture
def issuer(sign_in_provider) -> dict[str, object]:
    return {
        "name": "corp",
        "title": "Example Corp",
        "issuer": sign_in_provider.url,
        "client_id": sign_in_provider.client_id,
        "client_secret": sign_in_provider.client_secret,
        "scopes": ["openid", "email", "profile", "groups"],
        "rules": [
            {"claim": "groups", "value": "ml-admins", "team": "vision", "role": "admin"},
            {"claim": "groups", "value": "ml", "team": "vision", "role": "engineer"},
            {"claim": "groups", "value": "speech", "team": "speech", "role": "engineer"},
        ],
    }


@pytest.fixture
def begin(start, issuer):
    """Start auth with the provider, which may be described otherwise."""

    async def begun(*, clock=None, **changes):
        issuers = (IssuerSettings.model_validate(issuer | changes),)
        auth = await start(auth_public_url=PUBLIC, auth_issuers=issuers, clock=clock)
        return auth, People(auth)

    return begun


class People:
    def __init__(self, auth) -> None:
        self._auth = auth
        self.call = self.caller()

    def caller(self, token: str = ""):
        channels = Channels(BearerToken(token) if token else None)
        self._auth.stack.push_async_callback(channels.close)
        opened = channels.open(self._auth.address, timeout=PATIENCE, passing=PASSING)
        return sign_in_pb2_grpc.SignInServiceStub(opened)

    async def begin(self):
        return await self.call.BeginSignIn(sign_in_pb2.BeginSignInRequest(name="corp", return_to="/after"))

    async def complete(self, flow: str, answer: str, **changes: str):
        said = {key: values[0] for key, values in parse_qs(urlsplit(answer).query).items()}
        fields = {"state": said["state"], "code": said["code"], "issuer": said["iss"]} | changes
        return await self.call.CompleteSignIn(sign_in_pb2.CompleteSignInRequest(flow=flow, **fields))

    async def sign_in(self, provider, browser, subject: str):
        begun = await self.begin()
        answer = await provider.sign_in(browser, begun.authorization_url, subject)
        browser.cookies.clear()
        return (await self.complete(begun.flow, answer)).session


async def test_a_person_in_a_group_signs_in_and_has_its_team_and_role(begin, sign_in_provider, browser):
    auth, people = await begin()
    claims = {"groups": ["ml"], "name": "Ada L", "email": "ada@corp.example", "email_verified": True}
    await sign_in_provider.account(browser, "ada", **claims)
    begun = await people.begin()

    completed = await people.complete(
        begun.flow, await sign_in_provider.sign_in(browser, begun.authorization_url, "ada")
    )

    user = completed.session.user
    assert (user.team, user.role, user.email, user.name) == ("vision", "engineer", "ada@corp.example", "Ada L")
    assert completed.return_to == "/after"
    asked = await auth.caller(completed.session.access_token).GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    assert (asked.claims.user_id, asked.claims.role) == (user.id, "engineer")


async def test_the_second_sign_in_finds_the_same_account(begin, sign_in_provider, browser):
    _, people = await begin()
    await sign_in_provider.account(browser, "bo", groups=["ml"])

    first = await people.sign_in(sign_in_provider, browser, "bo")
    second = await people.sign_in(sign_in_provider, browser, "bo")

    assert first.user.id == second.user.id


async def test_the_state_of_another_sign_in_is_refused(begin, sign_in_provider, browser):
    _, people = await begin()
    await sign_in_provider.account(browser, "cy", groups=["ml"])
    mine, other = await people.begin(), await people.begin()
    answer = await sign_in_provider.sign_in(browser, other.authorization_url, "cy")

    with pytest.raises(Unauthenticated) as refused:
        await people.complete(mine.flow, answer)

    assert refused.value.reason == "STATE_WRONG"


async def test_a_code_that_was_used_is_refused_here_and_by_the_provider(begin, sign_in_provider, browser):
    _, people = await begin()
    await sign_in_provider.account(browser, "di", groups=["ml"])
    begun = await people.begin()
    answer = await sign_in_provider.sign_in(browser, begun.authorization_url, "di")
    await people.complete(begun.flow, answer)

    with pytest.raises(Unauthenticated) as again:
        await people.complete(begun.flow, answer)
    fresh = await people.begin()
    state = parse_qs(urlsplit(fresh.authorization_url).query)["state"][0]
    with pytest.raises(Unauthenticated) as elsewhere:
        await people.complete(fresh.flow, answer, state=state)

    assert again.value.reason == "CODE_REPLAYED"
    assert elsewhere.value.reason == "CODE_REFUSED"


async def test_an_answer_of_another_provider_is_refused(begin, sign_in_provider, browser):
    _, people = await begin()
    await sign_in_provider.account(browser, "ed", groups=["ml"])
    begun = await people.begin()
    answer = await sign_in_provider.sign_in(browser, begun.authorization_url, "ed")

    for issuer in ("https://evil.example", ""):
        with pytest.raises(Unauthenticated) as refused:
            await people.complete(begun.flow, answer, issuer=issuer)
        assert refused.value.reason == "ISSUER_WRONG"


async def test_a_group_that_is_taken_away_takes_the_role_and_then_the_session(begin, sign_in_provider, browser):
    auth, people = await begin()
    await auth.member("admin", team="vision")
    await sign_in_provider.account(browser, "flo", groups=["ml-admins", "ml"])
    admin = await people.sign_in(sign_in_provider, browser, "flo")

    await sign_in_provider.account(browser, "flo", groups=["ml"])
    engineer = await people.sign_in(sign_in_provider, browser, "flo")
    await sign_in_provider.account(browser, "flo", groups=["cooks"])
    with pytest.raises(PermissionDenied) as nobody:
        await people.sign_in(sign_in_provider, browser, "flo")

    assert (admin.user.role, engineer.user.role) == ("admin", "engineer")
    assert nobody.value.reason == "NO_RULE_FITS"
    with pytest.raises(Unauthenticated):
        await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=engineer.refresh_token))


async def test_a_session_ends_when_the_word_of_the_provider_does(begin, sign_in_provider, browser):
    _, people = await begin(session_hours=2)
    await sign_in_provider.account(browser, "gus", groups=["ml"])

    session = await people.sign_in(sign_in_provider, browser, "gus")

    begun = session.expires_at.seconds - 15 * 60
    assert session.refresh_expires_at.seconds - begun == 2 * 3_600


async def test_a_token_that_is_over_by_our_clock_is_refused(begin, sign_in_provider, browser):
    _, people = await begin(clock=Ahead(hours=3))
    await sign_in_provider.account(browser, "hal", groups=["ml"])

    with pytest.raises(Unauthenticated) as refused:
        await people.sign_in(sign_in_provider, browser, "hal")

    assert refused.value.reason == "TOKEN_EXPIRED"


async def verify_address(url, user_id):
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE users SET email_verified_at = created_at WHERE id = $1", user_id)
    await connection.close()


async def test_an_address_of_a_local_account_opens_it_only_by_setting_and_when_it_is_verified(
    begin, sign_in_provider, browser, settings
):
    auth, people = await begin()
    local = await auth.member("viewer", team="vision", email="ivy@corp.example")
    await verify_address(settings.database_url.get_secret_value(), local.user.id)
    await sign_in_provider.account(browser, "ivy", groups=["ml"], email="ivy@corp.example", email_verified=True)

    with pytest.raises(FailedPrecondition) as taken:
        await people.sign_in(sign_in_provider, browser, "ivy")
    await auth.service.stop()
    _, linking = await begin(link_email=True)
    joined = await linking.sign_in(sign_in_provider, browser, "ivy")
    await sign_in_provider.account(browser, "ivo", groups=["ml"], email="ivy@corp.example", email_verified=False)
    unverified = await linking.sign_in(sign_in_provider, browser, "ivo")

    assert taken.value.reason == "EMAIL_OF_ANOTHER_ACCOUNT"
    assert joined.user.id == local.user.id
    assert unverified.user.id != local.user.id
    assert unverified.user.email.endswith(".invalid")


async def test_who_was_deleted_is_a_new_person_when_he_signs_in_again(begin, sign_in_provider, browser, stack):
    auth, people = await begin()
    await sign_in_provider.account(browser, "una", groups=["ml"])
    first = await people.sign_in(sign_in_provider, browser, "una")
    channels = Channels(BearerToken((await auth.login()).access_token))
    stack.push_async_callback(channels.close)
    operator = people_pb2_grpc.PeopleServiceStub(channels.open(auth.address, timeout=PATIENCE))

    await operator.DeleteUser(people_pb2.DeleteUserRequest(user_id=first.user.id))
    again = await people.sign_in(sign_in_provider, browser, "una")

    assert again.user.id != first.user.id


async def test_a_provider_that_is_away_fails_its_own_sign_ins_alone(begin):
    auth, people = await begin(issuer=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(Unavailable):
        await people.begin()

    assert (await auth.login()).access_token
