"""Several platforms, and the forms in which results are printed."""

import json

from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import refused, within


def test_contexts_are_made_listed_chosen_and_forgotten(run, tmp_path, platform):
    own = {"XDG_CONFIG_HOME": str(tmp_path), "FP_PASSWORD": platform.access.password}
    line = ("login", "--email", platform.access.email, "--address", platform.access.address)
    for name in ("near", "far"):
        assert run(*line, "--context", name, **own).code == 0
    listed = json.loads(run("context", "list", "-o", "json", **own).out)
    assert [(each["name"], each["current"]) for each in listed] == [("far", False), ("near", True)]
    assert run("context", "use", "far", **own).code == 0
    assert run("context", "current", "-o", "jsonpath={.name}", **own).out == "far\n"

    assert run("context", "delete", "far", **own).code == 0

    refused(run("whoami", **own), 6, "no platform is known")
    refused(run("whoami", "--context", "far", **own), 5, "no context far")
    assert platform.access.email in run("whoami", "--context", "near", **own).out
    assert platform.access.email in run("whoami", FP_CONTEXT="near", **own).out


def test_results_are_printed_in_the_form_that_is_asked_for(run, home):
    email = run.json("whoami")["email"]

    assert f"email: {email}\n" in run("whoami", "-o", "yaml").out
    assert run("whoami", "-o", "jsonpath={.email} of {.team}").out == f"{email} of platform\n"
    assert f"  email: {email}\n" in run("users", "list", "-o", "yaml").out
    refused_format = run("whoami", "-o", "xml")
    assert (refused_format.code, "jsonpath=TEMPLATE" in refused_format.err) == (2, True)


def test_a_platform_that_runs_in_clear_text_does_not_pass_for_a_secure_one(platform, tmp_path):
    said = within("up", "--tls", "--data", str(platform.folder), home=tmp_path)
    assert (said.returncode, "runs in clear text" in said.stderr) == (6, True), said.stderr


def test_the_versions_of_both_ends_are_shown_and_fit(run):
    found = run.json("version")

    assert found["client"]["version"] == found["server"]["version"]
    assert found["client"]["wire_revision"] == found["server"]["wire_revision"]
    assert "server" not in run.json("version", "--client")
    away = run("version", "--address", "127.0.0.1:1")
    assert (away.code, away.out.startswith("client "), "127.0.0.1:1" in away.err) == (7, True, True)


def test_the_doctor_finds_a_platform_well_and_one_that_is_away(run, platform):
    found = {row["check"]: row for row in run.json("doctor")}

    assert {
        "platform",
        "version",
        "clock",
        "login",
        "service auth",
        "process postgres",
        "disk",
        "versions",
        "streams",
        "tables",
        "spool",
    } <= set(found)
    assert {row["check"] for row in found.values() if row["result"] == "fail"} == set()
    away = run("doctor", "--address", "127.0.0.1:1", "-o", "jsonpath={[?(@.result=='fail')].check}")
    assert (away.code, away.out) == (1, "platform\n")
