"""People, their second factors, keys, roles, programs, teams and secrets over HTTP, as a web page calls them."""

import base64

import httpx
import pytest
import pytest_asyncio
from fp_auth.adapters.passcodes import TotpPasscodes
from fp_auth.domain.second_factors import step_of
from fp_kernel import new_id
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now

PASSWORD = "a-river-and-9-lanterns"
OTHER = "another-hill-with-7-trees"


class Caller:
    """Calls that must be answered with a status."""

    def __init__(self, client):
        self._client = client

    async def __call__(self, verb, path, body=None, *, status=200):
        answer = await self._client.request(verb, path, json=body if verb != "GET" else None)
        assert answer.status_code == status, f"{verb} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}


@pytest_asyncio.fixture
async def clients(platform):
    opened = []

    def make(token=""):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        opened.append(
            httpx.AsyncClient(base_url=f"{platform.http}/api/v1", headers=headers, timeout=PATIENCE, verify=NO_TLS)
        )
        return Caller(opened[-1])

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
def operator(clients, admin_token):
    return clients(admin_token)


@pytest.fixture
def nobody(clients):
    return clients()


@pytest_asyncio.fixture
async def ada(operator, nobody, clients):
    """A viewer: her id, her address, and her calls."""
    email = f"ada-{new_id()}@http.test"
    user = (await operator("POST", "/users", {"email": email, "name": "Ada", "password": PASSWORD}, status=201))["user"]
    session = await nobody("POST", "/login", {"email": email, "password": PASSWORD})
    return user["id"], email, clients(session["accessToken"])


async def test_an_account_is_read_changed_disabled_enabled_and_deleted(operator, nobody, ada):
    user_id, email, mine = ada
    login = {"email": email, "password": PASSWORD}
    assert (await mine("PATCH", "/me", {"name": "Ada L"}))["user"]["name"] == "Ada L"
    assert (await operator("GET", f"/users/{user_id}"))["user"]["name"] == "Ada L"
    assert user_id in {each["id"] for each in (await operator("GET", "/users?page_size=100"))["users"]}
    await operator("POST", f"/users/{user_id}/role", {"roleName": "engineer"})
    assert (await operator("GET", f"/users/{user_id}"))["user"]["role"] == "engineer"

    assert (await operator("POST", f"/users/{user_id}/disable"))["user"]["disabledAt"]
    assert (await nobody("POST", "/login", login, status=403))["reason"] == "USER_DISABLED"
    await operator("POST", f"/users/{user_id}/enable")
    await nobody("POST", "/login", login)
    await operator("DELETE", f"/users/{user_id}")
    await operator("GET", f"/users/{user_id}", status=404)
    await nobody("POST", "/login", login, status=401)


async def test_passwords_are_changed_reset_and_forgotten(operator, nobody, ada):
    user_id, email, mine = ada
    await mine("POST", "/me/password", {"oldPassword": "wrong", "newPassword": OTHER}, status=401)
    await mine("POST", "/me/password", {"oldPassword": PASSWORD, "newPassword": OTHER})
    await nobody("POST", "/login", {"email": email, "password": OTHER})
    delivery = (await operator("POST", f"/users/{user_id}/reset-password"))["delivery"]
    link = {"token": delivery["link"].partition("token=")[2], "newPassword": PASSWORD}
    await nobody("POST", "/password-reset/complete", link)
    await nobody("POST", "/password-reset/complete", link, status=400)
    await nobody("POST", "/login", {"email": email, "password": PASSWORD})
    for address in (email, "nobody@http.test"):
        assert await nobody("POST", "/password-reset", {"email": address}) == {}
    await nobody("POST", "/verify-email", {"token": "made up"}, status=400)


async def test_sessions_are_listed_and_ended(operator, nobody, clients, ada):
    user_id, email, _ = ada
    second = clients((await nobody("POST", "/login", {"email": email, "password": PASSWORD}))["accessToken"])
    sessions = (await second("GET", "/sessions"))["sessions"]
    assert [each["current"] for each in sessions] == [False, True]
    assert len((await operator("GET", f"/sessions?user_id={user_id}"))["sessions"]) == 2
    await second("DELETE", f"/sessions/{sessions[0]['id']}")
    assert len((await second("GET", "/sessions"))["sessions"]) == 1
    await second("DELETE", f"/sessions/{new_id()}", status=404)
    await operator("POST", f"/users/{user_id}/logout-everywhere")
    assert (await operator("GET", f"/sessions?user_id={user_id}"))["sessions"] == []
    third = clients((await nobody("POST", "/login", {"email": email, "password": PASSWORD}))["accessToken"])
    await third("POST", "/me/logout-everywhere", {"myself": True})
    assert (await operator("GET", f"/sessions?user_id={user_id}"))["sessions"] == []


async def test_a_second_factor_is_turned_on_asked_for_and_reset(operator, nobody, ada):
    user_id, email, mine = ada
    await mine("POST", "/me/second-factor", {"password": "wrong"}, status=401)
    begun = await mine("POST", "/me/second-factor", {"password": PASSWORD}, status=201)
    secret, step = base64.b32decode(begun["secret"]), step_of(real_now())
    confirm = {"totpCode": TotpPasscodes().code(secret, step)}
    recovery = (await mine("POST", "/me/second-factor/confirm", confirm))["recoveryCodes"]
    assert (await mine("GET", "/me/second-factor"))["secondFactor"]["recoveryCodesLeft"] == 10

    refused = await nobody("POST", "/login", {"email": email, "password": PASSWORD}, status=401)
    assert refused["reason"] == "SECOND_FACTOR_REQUIRED"
    proof = {"passwordProof": refused["metadata"]["password_proof"]}
    assert (await nobody("POST", "/login", proof | {"totpCode": "000"}, status=401))["reason"] == "SECOND_FACTOR_WRONG"
    await nobody("POST", "/login", proof | {"totpCode": TotpPasscodes().code(secret, step + 1)})
    renewed = await mine("POST", "/me/second-factor/recovery-codes", {"totpCode": recovery[0]})
    await nobody("POST", "/login", proof | {"totpCode": renewed["recoveryCodes"][0]})

    await mine("POST", f"/users/{user_id}/second-factor/reset", status=403)
    assert (await operator("GET", f"/users/{user_id}/second-factor"))["secondFactor"]["turnedOn"]
    await operator("POST", f"/users/{user_id}/second-factor/reset")
    assert (await nobody("POST", "/login", {"email": email, "password": PASSWORD}))["accessToken"]


async def test_a_second_factor_is_turned_off_by_its_owner(nobody, clients, ada):
    _, email, mine = ada
    begun = await mine("POST", "/me/second-factor", {"password": PASSWORD}, status=201)
    code = TotpPasscodes().code(base64.b32decode(begun["secret"]), step_of(real_now()))
    await mine("POST", "/me/second-factor/confirm", {"totpCode": code})
    await mine("POST", "/me/second-factor/turn-off", {}, status=400)
    await mine("POST", "/me/second-factor/turn-off", {"password": PASSWORD})
    await nobody("POST", "/login", {"email": email, "password": PASSWORD})


async def test_keys_are_made_listed_rotated_and_revoked(operator, clients, ada):
    _, _, mine = ada
    made = await mine("POST", "/api-keys", {"scopes": ["models:read"], "name": "ci"}, status=201)
    await clients(made["rawKey"])("GET", "/models")
    fresh = await mine("POST", f"/api-keys/{made['apiKey']['id']}/rotate", {"overlap": "0s"})
    await clients(fresh["rawKey"])("GET", "/models")
    await mine("DELETE", f"/api-keys/{fresh['apiKey']['id']}")
    assert fresh["apiKey"]["id"] not in {each["id"] for each in (await mine("GET", "/api-keys"))["apiKeys"]}
    shown = await mine("GET", "/api-keys?include_revoked=true")
    assert {made["apiKey"]["id"], fresh["apiKey"]["id"]} <= {each["id"] for each in shown["apiKeys"]}
    await mine("POST", "/api-keys", {"scopes": ["models:write"]}, status=403)
    await mine("DELETE", f"/api-keys/{new_id()}", status=404)


async def test_roles_of_the_team_are_made_changed_and_deleted(operator, ada):
    name, mine = f"role-{new_id()[-8:]}", ada[2]
    await operator("POST", "/roles", {"name": name, "scopes": ["models:read"]}, status=201)
    changed = await operator("PUT", f"/roles/{name}", {"scopes": ["models:read", "models:write"]})
    assert changed["role"]["scopes"] == ["models:read", "models:write"]
    assert name in {each["name"] for each in (await operator("GET", "/roles"))["roles"]}
    await mine("DELETE", f"/roles/{name}", status=403)
    await operator("DELETE", f"/roles/{name}")
    await operator("DELETE", f"/roles/{name}", status=404)


async def test_programs_of_the_team_are_made_changed_stopped_and_deleted(operator, clients):
    scopes = {"scopes": ["models:read"]}
    made = await operator("POST", "/service-accounts", {"name": f"p-{new_id()[-8:]}"} | scopes, status=201)
    account = made["serviceAccount"]["id"]
    path = f"/service-accounts/{account}"
    key = await operator("POST", f"{path}/keys", scopes, status=201)
    assert [each["id"] for each in (await operator("GET", f"{path}/keys"))["apiKeys"]] == [key["apiKey"]["id"]]
    await clients(key["rawKey"])("GET", "/models")
    changed = await operator("PUT", path, scopes | {"description": "reads"})
    assert changed["serviceAccount"]["description"] == "reads"
    assert (await operator("POST", f"{path}/disable"))["serviceAccount"]["disabledAt"]
    assert not (await operator("POST", f"{path}/enable"))["serviceAccount"].get("disabledAt")
    assert account in {each["id"] for each in (await operator("GET", "/service-accounts"))["serviceAccounts"]}
    await operator("DELETE", path)
    await operator("GET", path, status=404)


async def test_teams_are_made_changed_suspended_and_resumed(operator, ada):
    team, mine = f"team-{new_id()[-8:]}", ada[2]
    made = await operator("POST", "/teams", {"id": team, "displayName": "Vision"}, status=201)
    assert made["team"]["displayName"] == "Vision"
    changed = await operator("PATCH", f"/teams/{team}", {"displayName": "Sight", "limits": {"maxUsers": 2}})
    assert (changed["team"]["displayName"], changed["team"]["limits"]["maxUsers"]) == ("Sight", 2)
    assert (await operator("POST", f"/teams/{team}/suspend"))["team"]["suspendedAt"]
    assert not (await operator("POST", f"/teams/{team}/resume"))["team"].get("suspendedAt")
    assert (await operator("GET", f"/teams/{team}"))["team"]["id"] == team
    assert "teams" in await operator("GET", "/teams")
    await mine("GET", "/teams", status=403)
    await operator("POST", f"/teams/{new_id()}/suspend", status=404)


async def test_secrets_are_stored_withheld_given_out_again_destroyed_and_deleted(operator, ada):
    name, mine = f"secret-{new_id()[-8:]}", ada[2]
    path, value = f"/secrets/{name}", {"value": base64.b64encode(b"one").decode()}
    assert [(await operator("PUT", path, value))["version"]["version"] for _ in range(2)] == [1, 2]
    await operator("PUT", path, value | {"expectedVersion": 1}, status=409)
    for verb, status in (("disable", "DISABLED"), ("enable", "ENABLED"), ("destroy", "DESTROYED")):
        await operator("POST", f"{path}/versions/1/{verb}")
        shown = (await operator("GET", f"{path}/versions"))["versions"]
        assert [each["status"].rpartition("_")[2] for each in shown] == ["ENABLED", status]
        assert "value" not in str(shown)
    await operator("POST", f"{path}/versions/1/enable", status=400)
    assert name in {each["name"] for each in (await operator("GET", "/secrets?page_size=100"))["secrets"]}
    await mine("GET", "/secrets", status=403)
    await operator("DELETE", path)
    await operator("GET", f"{path}/versions", status=404)


async def test_signing_keys_and_the_audit_log_are_read_by_who_may(operator, ada):
    mine = ada[2]
    assert (await operator("GET", "/signing-keys"))["signingKeys"]
    await operator("POST", "/signing-keys/stranger/withdraw", status=404)
    await mine("GET", "/signing-keys", status=403)
    assert "entries" in await operator("GET", "/audit")
    await mine("GET", "/audit", status=403)
