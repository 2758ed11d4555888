"""What `fp` does about people, their sessions and second factors, keys, teams and secrets, against a real platform."""

import base64
import json

import pytest
from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import refused
from fp_auth.adapters.passcodes import TotpPasscodes
from fp_auth.domain.second_factors import step_of
from fp_kernel import new_id
from fp_testkit.wallclock import real_now

PASSWORD = "a-river-and-9-lanterns"
OTHER = "another-hill-with-7-trees"


class Person:
    """Somebody of the team, with a home of his own."""

    def __init__(self, run, platform, folder, made):
        self._run, self._address, self._folder = run, platform.access.address, folder
        self.id, self.email = made["id"], made["email"]

    def run(self, *arguments, given="", password=PASSWORD):
        return self._run(*arguments, given=given, XDG_CONFIG_HOME=str(self._folder), FP_PASSWORD=password)

    def json(self, *arguments, given=""):
        finished = self.run(*arguments, "-o", "json", given=given)
        assert finished.code == 0, finished.err
        return json.loads(finished.out)

    def login(self, *options, password=PASSWORD):
        return self.run("login", "--email", self.email, "--address", self._address, *options, password=password)


@pytest.fixture
def ada(run, platform, tmp_path):
    """A viewer who has logged in."""
    email = f"ada-{new_id()}@cli.test"
    line = ("users", "create", email, "--name", "Ada", "--password-stdin")
    person = Person(run, platform, tmp_path, run.json(*line, given=PASSWORD))
    assert person.login().code == 0
    return person


def of_id(items, wanted):
    return next((item for item in items if item["id"] == wanted), None)


def test_somebody_is_disabled_enabled_and_deleted(run, ada):
    assert of_id(run.json("users", "list"), ada.id)["role"] == "viewer"
    run.json("users", "assign", ada.email, "engineer")
    assert ada.json("whoami")["email"] == ada.email
    run.json("users", "disable", ada.email)
    assert of_id(run.json("users", "list"), ada.id)["disabled_at"]
    refused(ada.login(), 4, "disabled")
    run.json("users", "enable", ada.id)
    assert ada.login().code == 0
    assert run("users", "delete", ada.email).code != 0, "nobody was there to say yes"
    run.json("users", "delete", ada.email, "--yes")
    assert of_id(run.json("users", "list"), ada.id) is None
    refused(run("users", "enable", ada.id), 5)
    refused(ada.login(), 3)


def test_a_password_is_reset_by_a_link_where_no_mail_is_sent(run, ada):
    made = run.json("users", "reset-password", ada.email)
    assert (made["mailed"], "/reset-password?token=" in made["link"]) == (False, True)
    assert "hand this link to" in run("users", "reset-password", ada.email).out
    refused(run("users", "reset-password", "nobody@cli.test"), 5, "fp users list")


def test_sessions_are_listed_and_ended_one_and_all(run, ada):
    first = ada.json("sessions", "list")[0]["id"]
    assert ada.login().code == 0
    assert [each["current"] for each in ada.json("sessions", "list")] == [False, True]
    assert {each["id"] for each in run.json("sessions", "list", "--user", ada.email)} >= {first}
    run.json("sessions", "end", first)
    assert first not in {each["id"] for each in ada.json("sessions", "list")}
    refused(ada.run("sessions", "list", "--user", new_id()), 5)
    run.json("sessions", "end-all", "--user", ada.email)
    assert run.json("sessions", "list", "--user", ada.email) == []
    assert ada.login().code == 0
    ada.json("sessions", "end-all")
    assert run.json("sessions", "list", "--user", ada.email) == []


def test_a_second_factor_is_turned_on_asked_for_used_and_turned_off(ada):
    assert not ada.json("second-factor", "show")["turned_on"]
    begun = ada.json("second-factor", "begin")
    secret, step = base64.b32decode(begun["secret"]), step_of(real_now())
    recovery = ada.json("second-factor", "confirm", TotpPasscodes().code(secret, step))["recovery_codes"]
    assert (len(recovery), ada.json("second-factor", "show")["recovery_codes_left"]) == (10, 10)

    refused(ada.login(), 3, "--code")
    refused(ada.login("--code", "000000", password=OTHER), 3)
    assert ada.login("--code", TotpPasscodes().code(secret, step + 1)).code == 0
    refused(ada.login("--code", TotpPasscodes().code(secret, step)), 3)
    assert ada.login("--code", recovery[0]).code == 0

    fresh = ada.json("second-factor", "recovery-codes", "--code", recovery[1])["recovery_codes"]
    refused(ada.login("--code", recovery[2]), 3)
    newest = ada.json("second-factor", "recovery-codes")["recovery_codes"]
    refused(ada.run("second-factor", "off", "--code", fresh[0]), 3)
    ada.json("second-factor", "off", "--code", newest[0])
    assert ada.login().code == 0
    refused(ada.run("second-factor", "off"), 6)


def test_an_admin_resets_the_second_factor_of_who_lost_it(run, ada):
    begun = ada.json("second-factor", "begin")
    code = TotpPasscodes().code(base64.b32decode(begun["secret"]), step_of(real_now()))
    assert "recovery codes" in ada.run("second-factor", "confirm", code).out
    assert run.json("second-factor", "show", "--user", ada.email)["turned_on"]
    run.json("second-factor", "reset", ada.email)
    assert ada.login().code == 0
    refused(ada.run("second-factor", "reset", new_id()), 4)


def test_keys_are_made_for_a_colleague_rotated_and_revoked(run, ada):
    made = run.json("keys", "create", "--scope", "models:read", "--user", ada.email, "--name", "ci", "--days", "1")
    assert of_id(run.json("keys", "list", "--user", ada.email), made["id"])["name"] == "ci"
    assert of_id(ada.json("keys", "list"), made["id"])
    fresh = run.json("keys", "rotate", made["id"], "--overlap-hours", "1")
    run.json("keys", "revoke", fresh["id"])
    assert of_id(run.json("keys", "list", "--user", ada.id), fresh["id"]) is None
    assert of_id(run.json("keys", "list", "--user", ada.id, "--all"), fresh["id"])["revoked_at"]
    refused(run("keys", "revoke", new_id()), 5)
    refused(ada.run("keys", "create", "--scope", "models:write"), 4, "models:write")


def test_teams_are_made_changed_suspended_and_resumed(run, ada):
    team = f"team-{new_id()[-8:]}"
    made = run.json("teams", "create", team, "--name", "Vision", "--max-users", "2")
    assert (made["display_name"], made["limits"]["max_users"]) == ("Vision", 2)
    changed = run.json("teams", "update", team, "--max-keys", "3")
    assert (changed["display_name"], changed["limits"]) == ("Vision", {"max_users": 2, "max_keys": 3})
    run.json("teams", "suspend", team)
    assert run.json("teams", "show", team)["suspended_at"]
    run.json("teams", "resume", team)
    assert not run.json("teams", "show", team).get("suspended_at")
    assert of_id(run.json("teams", "list", "--limit", "1000"), team)
    member = f"eve-{new_id()}@cli.test"
    run.json("users", "create", member, "--team", team, "--password-stdin", given=PASSWORD)
    assert [user["email"] for user in run.json("users", "list", "--team", team)] == [member]
    refused(run("teams", "create", team), 6)
    refused(run("teams", "suspend", "platform"), 6)
    refused(ada.run("teams", "list"), 4)


def test_secrets_are_stored_withheld_given_out_again_destroyed_and_deleted(run):
    name = f"secret-{new_id()[-8:]}"
    assert [run.json("secrets", "set", name, given=f"{number}\n")["version"] for number in (1, 2)] == [1, 2]
    refused(run("secrets", "set", name, "--expect", "1", given="3"), 7, "expected_version")
    assert of_name(run.json("secrets", "list", "--limit", "1000"), name)["version"] == 2
    for verb, status in (("disable", "DISABLED"), ("enable", "ENABLED"), ("destroy", "DESTROYED")):
        run.json("secrets", verb, name, "--version", "1")
        assert [each["status"] for each in run.json("secrets", "versions", name)] == ["ENABLED", status]
    refused(run("secrets", "enable", name, "--version", "1"), 6, "destroyed")
    refused(run("secrets", "disable", name, "--version", "9"), 5)
    assert run.json("secrets", "rewrap") == {"rewrapped": 0, "unreadable": 0}
    run.json("secrets", "delete", name)
    refused(run("secrets", "versions", name), 5)


def of_name(items, wanted):
    return next(item for item in items if item["name"] == wanted)


def test_nobody_but_an_operator_names_another_team(run, ada):
    run.json("users", "assign", ada.email, "admin")
    assert ada.login().code == 0
    refused(ada.run("users", "list", "--team", "somebody-elses"), 4)
    refused(ada.run("users", "create", f"{new_id()}@cli.test", "--team", "else", "--password-stdin", given=PASSWORD), 4)
