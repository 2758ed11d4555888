"""What an admin does about the roles and the programs of his team, by `fp` and by HTTP."""

import httpx
import pytest
from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import refused
from fp_kernel import new_id
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE


@pytest.fixture
def name():
    return f"made-{new_id()[-8:]}"


def test_a_role_of_the_team_is_made_changed_listed_and_deleted(run, name):
    made = run.json("roles", "create", name, "--scope", "models:read", "--scope", "models:write")
    assert (made["name"], made["scopes"], made["built_in"]) == (name, ["models:read", "models:write"], False)

    changed = run.json("roles", "change", name, "--scope", "models:read", "--description", "reads")
    assert (changed["scopes"], changed["description"]) == (["models:read"], "reads")
    assert {role["name"] for role in run.json("roles", "list")} >= {"admin", "engineer", "operator", "viewer", name}

    run.json("roles", "delete", name)
    assert name not in {role["name"] for role in run.json("roles", "list")}
    refused(run("roles", "delete", "admin"), 6)


def test_a_program_of_the_team_gets_a_key_and_is_stopped(run, platform, name):
    account = run.json("service-accounts", "create", name, "--scope", "models:read")
    made = run.json("service-accounts", "key", account["id"], "--scope", "models:read", "--days", "30")
    assert [key["id"] for key in run.json("service-accounts", "keys", account["id"])] == [made["id"]]

    with httpx.Client(
        base_url=platform.http,
        headers={"authorization": f"Bearer {made['key']}"},
        timeout=PATIENCE,
        verify=NO_TLS,
    ) as http:
        me = http.get("/api/v1/me").json()["claims"]
        assert (me["userId"], me["role"], me["scopes"]) == (account["id"], "service-account", ["models:read"])
        assert http.get("/api/v1/models").status_code == 200
        assert http.get("/api/v1/service-accounts").status_code == 403

    assert run.json("service-accounts", "disable", account["id"])["disabled_at"]
    assert not run.json("service-accounts", "enable", account["id"]).get("disabled_at")
    run.json("service-accounts", "delete", account["id"])
    assert account["id"] not in {each["id"] for each in run.json("service-accounts", "list")}


def test_the_operator_sees_the_keys_that_sign_and_erases_addresses(run):
    assert sum(bool(key.get("signs_from")) for key in run.json("signing-keys", "list")) >= 1
    refused(run("signing-keys", "withdraw", "stranger"), 5)
    assert run.json("audit", "erase", new_id())["erased"] is False
