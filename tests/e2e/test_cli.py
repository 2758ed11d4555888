"""Every command against a real platform, as its user sees it: what it prints, and the code it ends with."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import refused, within
from fp_kernel import new_id
from fp_testkit.patience import PATIENCE
from platform_client import HEEDING_CTRL_C, linear_model

PASSWORD = "correct horse battery staple"
DEPLOY = str(Path(__file__).parents[2] / "examples/deploy-model.yaml")


@pytest.fixture(scope="module")
def model(tmp_path_factory, platform, home):
    """Name of a model that was registered, deployed and answers, by `fp` alone."""
    file = tmp_path_factory.mktemp("model") / "model.onnx"
    file.write_bytes(linear_model())
    name = f"cli-{new_id()[-8:]}"
    for line in (
        ("models", "register", name, str(file), "--columns", "a,b,c", "--metric", "auc=0.7"),
        ("pipelines", "apply", DEPLOY),
        ("pipelines", "trigger", "deploy-model", "--input", f"model={name}", "--input", "version=1", "--watch"),
    ):
        process = within(*line, home=home)
        assert process.returncode == 0, process.stdout + process.stderr
    return name


def contexts(home):
    return json.loads((home / ".config/forgepoint/context.json").read_text())["contexts"]


def wear_out(home):
    """Let the token of the current login end; returns the login."""
    known = contexts(home)
    document = {
        "current": "default",
        "contexts": {"default": known["default"] | {"access_token": "x", "expires_at": 0}},
    }
    (home / ".config/forgepoint/context.json").write_text(json.dumps(document))
    return known["default"]


def test_who_is_logged_in_is_told_and_kept_from_others(run, home, platform):
    assert run.json("whoami")["email"] == platform.access.email
    assert platform.access.email in run("whoami").out
    assert (home / ".config/forgepoint/context.json").stat().st_mode & 0o777 == 0o600


def test_a_login_reads_its_password_from_standard_input(tmp_path, platform):
    line = ("login", "--email", platform.access.email, "--address", platform.access.address, "--password-stdin")
    process = subprocess.run(
        [sys.executable, "-m", "fp_cli", *line, "-o", "json"],
        input=platform.access.password + "\n",
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(process.stdout)["role"] == "operator"


def test_an_expired_access_token_is_renewed_unasked(run, home):
    before = wear_out(home)

    assert run("whoami").code == 0

    after = contexts(home)["default"]
    assert after["refresh_token"] != before["refresh_token"]
    assert after["expires_at"] >= before["expires_at"]


def test_commands_beside_each_other_renew_the_token_once(run, home):
    wear_out(home)
    command = [sys.executable, "-m", "fp_cli", "whoami"]
    processes = [
        subprocess.Popen(command, env={"HOME": str(home)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(3)
    ]

    errors = [process.communicate(timeout=PATIENCE)[1] for process in processes]

    assert errors == [b"", b"", b""]
    assert run("whoami").code == 0


def test_users_and_keys_are_made_listed_changed_and_ended(run, home, platform):
    email = f"{new_id()}@cli.test"
    created = run("users", "create", email, "-o", "json", FP_NEW_PASSWORD=PASSWORD)
    user = json.loads(created.out)
    assert (user["role"], user["name"]) == ("viewer", email.partition("@")[0])
    assert run("users", "assign", email, "engineer").code == 0
    assert {"email": email, "role": "engineer"}.items() <= next(
        item for item in run.json("users", "list") if item["id"] == user["id"]
    ).items()

    key = run.json("keys", "create", "--scope", "models:read", "--name", "ci", "--days", "1")
    assert run("models", "list", FP_API_KEY=key["key"]).code == 0
    refused(run("users", "list", FP_API_KEY=key["key"]), 4)
    assert key["id"] in run("keys", "list").out
    fresh = run.json("keys", "rotate", key["id"], "--overlap-hours", "0")
    assert run("models", "list", FP_API_KEY=fresh["key"]).code == 0
    assert run.json("keys", "revoke", fresh["id"])["revoked"]
    refused(run("models", "list", FP_API_KEY="fp_" + "x" * 43), 3, "FP_API_KEY")


def test_a_viewer_is_denied_what_changes_something(run, tmp_path, platform):
    email = f"{new_id()}@cli.test"
    assert run("users", "create", email, FP_NEW_PASSWORD=PASSWORD).code == 0
    own = str(tmp_path)
    line = ("login", "--email", email, "--address", platform.access.address)
    assert run(*line, XDG_CONFIG_HOME=own, FP_PASSWORD=PASSWORD).code == 0

    refused(run("pipelines", "apply", DEPLOY, XDG_CONFIG_HOME=own), 4)


def test_models_are_listed_shown_and_promoted(run, model):
    assert model in run("models", "list").out
    assert model in [item["name"] for item in run.json("models", "list")]
    assert run.json("models", "get", model)["production_version"] == "1"
    assert "PRODUCTION" in run("models", "versions", model).out
    [version] = run.json("models", "versions", model)
    assert version["metrics"] == {"auc": 0.7}
    assert version["signature"]["inputs"][0]["shape"] == [-1, 3]
    assert run.json("models", "promote", model, "1", "--stage", "archived")["stage"] == "ARCHIVED"


def test_pipelines_are_listed_applied_triggered_and_followed(run, model):
    assert "unchanged" in run("pipelines", "apply", DEPLOY).out
    assert "deploy-model" in run("pipelines", "list").out
    newest = run.json("pipelines", "status")[0]
    whole = run.json("pipelines", "status", newest["id"])
    assert {step["status"] for step in whole["step_executions"]} == {"COMPLETED"}
    assert "validate" in run("pipelines", "status", newest["id"]).out
    assert "execution completed" in run("pipelines", "watch", newest["id"]).out
    refused(run("pipelines", "cancel", newest["id"]), 6)


def test_an_execution_that_fails_ends_with_1_and_says_where_to_look(run):
    started = run("pipelines", "trigger", "deploy-model", "--input", "model=none", "--input", "version=1", "--watch")

    assert started.code == 1
    assert "fp pipelines status" in started.err


def test_a_prediction_takes_arguments_files_and_standard_input(run, model, tmp_path):
    file = tmp_path / "rows.json"
    file.write_text('{"x": [[1, 1, 1], [1, 0, 0]]}')

    assert run.json("predict", model, "--file", str(file))["outputs"] == {"y": [[6.0], [1.0]]}
    assert run.json("predict", model, "--input", "x=[1,1,1]")["outputs"] == {"y": [[6.0]]}
    assert "served version" in run("predict", model, "--input", "x=[1,1,1]").out


def test_lines_are_predicted_as_they_come_and_each_for_itself(run, model):
    finished = run("predict", model, "--lines", "-", given='{"x": [1,1,1]}\n\n{"x": [0,0,1]}\n')
    assert finished.code == 0, finished.err
    answers = {each["line"]: each for each in map(json.loads, finished.out.splitlines())}
    assert {line: each["outputs"]["y"] for line, each in answers.items()} == {1: [[6.0]], 3: [[3.0]]}
    assert answers[1]["request_id"].endswith("/1")
    refused(run("predict", model, "--lines", "-", given='{"x": [1,1,1]}\n{"z": [1]}\n'), 6, "lines[2]")
    refused(run("predict", model, "--lines", "-", given="\n"), 6, "has no line")


def test_what_cannot_be_predicted_is_refused_by_name(run, model, tmp_path):
    (tmp_path / "latin").write_bytes(b'{"x": "\xe9"}')
    (tmp_path / "deep").write_text("[" * 100_000)
    (tmp_path / "huge").write_text('{"x": [' + ",".join(["[1,1,1]"] * 1_500_000) + "]}")
    for name, text in (("latin", "UTF-8"), ("deep", "nested"), ("absent", "cannot be read"), ("huge", "at most")):
        refused(run("predict", model, "--file", str(tmp_path / name)), 6, text)
    refused(run("predict", model, "--input", "x=[[1,2],[3]]"), 6, "inputs[x]")
    refused(run("predict", model, "--input", "x=[[1,2]]"), 6, "inputs[x]")
    refused(run("predict", model, "--input", "x={"), 6, "JSON")
    refused(run("predict", "none", "--input", "x=[1]"), 5)


def test_events_are_tailed_and_dead_letters_listed(run, model):
    assert "fp.models.registered" in run("events", "tail", "fp.models.>", "--all", "--count", "1").out
    assert run.json("events", "init")["streams"] > 0
    assert isinstance(run.json("events", "dlq", "list"), list)
    refused(run("events", "dlq", "show", "999999"), 5)
    assert run.json("events", "dlq", "replay", "--all", "--consumer", "nobody")["replay"] == 0
    refused(run("events", "dlq", "replay"), 6)
    assert run.json("events", "republish", "--subject", "fp.models.>")["registry"] > 0
    refused(run("events", "tail", "elsewhere.>"), 6)
    refused(run("events", "dlq", "list", FP_NATS_URL="nats://127.0.0.1:1"), 7)


def test_the_platform_is_shown_and_its_logs(run, platform, tmp_path):
    status = run.json("status")
    assert status["ready"]
    assert {"name", "state", "restarts", "memory_bytes"} <= status["processes"][0].keys()
    assert "gateway" in run("status").out
    assert json.loads(run("logs", "auth", "-n", "1").out)["service"] == "auth"
    refused(run("logs", "none"), 5, "auth")
    refused(run("status", FP_DATA=str(tmp_path)), 7, "fp up")


@pytest.mark.parametrize("command", [("models", "list"), ("keys", "list"), ("pipelines", "list"), ("events", "dlq")])
def test_empty_lists_are_json_too(run, command):
    line = command if command[0] != "events" else (*command, "list", "--consumer", "nobody")
    if command == ("models", "list"):
        line = (*command, "--framework", "nobody")

    assert isinstance(run.json(*line), list)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("whoami", "--address", "127.0.0.1:1"), 7),
        (("whoami", "--address", "no-such-host.invalid:1"), 7),
        (("models", "get", "none"), 5),
        (("pipelines", "apply", "/none"), 6),
        (("users", "create", "no-address", "--password-stdin"), 6),
    ],
)
def test_each_failure_has_its_code_and_a_next_step(run, arguments, code):
    refused(run(*arguments), code)


def test_without_a_login_it_says_how_to_log_in(run, tmp_path, platform):
    nobody = str(tmp_path)
    refused(run("whoami", "--address", platform.access.address, XDG_CONFIG_HOME=nobody), 3, "fp login")
    refused(run("whoami", XDG_CONFIG_HOME=nobody), 6, "fp up")


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("whoami", "--address", "http://x"), ("predict",), ("whoami", "-o", "xml")]
)
def test_a_wrong_line_ends_with_2_and_shows_the_help(run, arguments):
    process = run(*arguments)

    assert process.code == 2
    assert "--help" in process.err or "-h" in process.err
    assert process.out == ""


def test_a_shell_completes_commands(run):
    process = run(_FP_COMPLETE="complete_bash", COMP_WORDS="fp mo", COMP_CWORD="1")

    assert process.out.split() == ["models", "monitors"]


def test_a_platform_that_is_silent_is_not_waited_for(run):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refused(run("whoami", "--address", f"127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.2"), 8, "--timeout")


def test_ctrl_c_ends_what_would_go_on_for_ever(home, platform, model):
    command = [sys.executable, "-c", HEEDING_CTRL_C, "events", "tail", "--all"]
    environment = {"HOME": str(home), "FP_NATS_URL": platform.access.nats_url}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()

    assert process.returncode == 130
    assert errors == b""


def test_a_reader_that_has_seen_enough_is_no_error_to_tell(home):
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "fp_cli", "models", "list"],
        env={"HOME": str(home)},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)

    assert process.returncode == 1
    assert process.stderr == b""
