"""What `fp` does with features, runs, monitors, money, messages and lineage, against a real platform."""

import json
from pathlib import Path

import pytest
from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import eventually, refused, within
from fp_kernel import new_id
from platform_client import linear_model

DEPLOY = str(Path(__file__).parents[2] / "examples/deploy-model.yaml")
VIEW = {
    "entity": {"name": "airport", "join_key": "airport"},
    "features": [{"name": "temp", "value_type": "DOUBLE"}, {"name": "code", "value_type": "INT64"}],
}
WEATHER = "airport,temp,code,event_time\nJFK,1.5,3,2013-01-01\nLGA,,4,2013-01-01\nJFK,2.5,5,2013-02-01\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory, home):
    """Name of a model whose two versions were deployed, one after the other."""
    file = tmp_path_factory.mktemp("model") / "model.onnx"
    file.write_bytes(linear_model())
    name = f"cli-{new_id()[-8:]}"
    lines = [("pipelines", "apply", DEPLOY)]
    for version in ("1", "2"):
        deployment = ("--input", f"model={name}", "--input", f"version={version}", "--watch")
        lines += [("models", "register", name, str(file)), ("pipelines", "trigger", "deploy-model", *deployment)]
    for line in lines:
        process = within(*line, home=home)
        assert process.returncode == 0, process.stdout + process.stderr
    return name


@pytest.fixture
def view(run):
    name = f"weather-{new_id()[-8:]}"
    defined = run.json("features", "views", "define", "-", given=json.dumps(VIEW | {"name": name}))
    assert defined["name"] == name
    return name


def test_traffic_is_divided_and_shown(run, model):
    deployed = run.json("deployments", "list", "--model", model)
    # The version before stays warm for a while.
    assert {each["version"]: each["weight_bps"] for each in deployed} == {"2": 10_000, "1": 0}
    assert {each["circuit"] for each in deployed} == {"CLOSED"}
    assert {each["version"] for each in run.json("circuits", "list", "--model", model)} <= {"1", "2"}

    split = run.json("routes", "split", model, "2=100")
    assert {each["version"]: each["weight_bps"] for each in split["targets"] if each["weight_bps"]} == {"2": 10_000}
    assert "100%" in run("routes", "get", model).out
    assert model in run("routes", "list").out
    refused(run("routes", "split", model, "1=25"), 6, "25% together")
    refused(run("routes", "get", "none"), 5)


def test_features_are_written_read_and_read_as_they_were(run, view, tmp_path):
    assert view in [item["name"] for item in run.json("features", "views", "list", "--name", "WEATHER")]
    assert "temp" in run("features", "views", "get", view).out
    for _ in range(2):
        # The same key and file: nothing is written twice.
        line = ("features", "write", view, "-", "--idempotency-key", view)
        assert run.json(*line, given=WEATHER) == {"written": 3, "version": 2}
    now = run.json("features", "get", view, "JFK", "LGA", "EWR")
    assert [item["values"] for item in now["vectors"]] == [{"temp": 2.5, "code": 5}, {"code": 4}]
    assert now["missing_entity_ids"] == ["EWR"]
    assert "EWR" in run("features", "get", view, "EWR").err

    then = ("features", "history", view, "JFK", "--as-of", "2013-01-15", "--known-as-of", "2100-01-01")
    assert run.json(*then)["vectors"][0]["values"] == {"temp": 1.5, "code": 3}
    assert run(*then, "--out", str(tmp_path / "history.csv")).code == 0
    assert "JFK,2013-01-01T00:00:00Z," in (tmp_path / "history.csv").read_text()
    # At that time nobody knew it yet.
    assert run.json(*then[:-2])["missing_entity_ids"] == ["JFK"]


def test_a_training_set_is_the_same_each_time_and_a_rebuild_changes_nothing(run, view):
    run.json("features", "write", view, "-", given=WEATHER)
    rows = ("--rows", f"{view}:temp", "--start", "2013-01-01", "--end", "2014-01-01")
    # In 2013 nobody knew these rows: they are written now.
    line = ("features", "training-set", *rows, "--known-as-of", "2100-01-01", "--known-later")
    first = run(*line)

    assert first.out.splitlines() == [
        "entity_id,as_of,temp",
        "JFK,2013-01-01T00:00:00Z,1.5",
        "LGA,2013-01-01T00:00:00Z,",
        "JFK,2013-02-01T00:00:00Z,2.5",
    ]
    assert "replayed" in run("features", "rebuild", view).out
    assert run(*line).out == first.out
    assert json.loads(run(*line, "-o", "json").out.splitlines()[0])["temp"] == 1.5


def test_rows_that_do_not_fit_are_named_and_none_is_written(run, view):
    refused(run("features", "write", view, "-", given="airport,temp\nJFK,1\nLGA,cold\n"), 6, "line 3, column temp")
    refused(run("features", "write", view, "-", given='[{"entity_id": "a", "values": {"temp": "x"}}]'), 6, "row 1: ")
    refused(run("features", "write", "none", "-", given=WEATHER), 5, "fp features views list")
    refused(run("features", "history", view, "JFK", "--as-of", "soon"), 6, "as-of")
    assert run.json("features", "get", view, "JFK")["missing_entity_ids"] == ["JFK"]
    assert run.json("features", "views", "delete", view)["deleted"]
    refused(run("features", "views", "get", view), 5)


def test_runs_are_logged_found_and_compared(run):
    name = f"cli-{new_id()[-8:]}"
    assert run.json("experiments", "create", name, "--tag", "area=test")["tags"] == {"area": "test"}
    assert name in run("experiments", "list").out
    runs = []
    for depth, loss in (("6", "0.3"), ("7", "0.2")):
        runs.append(run.json("runs", "start", name, "--name", f"depth {depth}", "--param", f"depth={depth}")["id"])
        assert run.json("runs", "log", runs[-1], "loss=0.9", "auc=0.7") == {"accepted": 2}
        assert run.json("runs", "log", runs[-1], f"loss={loss}", "--step", "1") == {"accepted": 1}
        assert run.json("runs", "end", runs[-1])["status"] == "FINISHED"

    assert [item["id"] for item in run.json("runs", "list", name, "--filter", "metrics.loss < 0.25")] == runs[1:]
    assert run.json("runs", "list", name, "--status", "running") == []
    assert "loss=0.2" in run("runs", "get", runs[1]).out
    table = run("runs", "compare", *runs, "--diff").out
    assert "metrics.loss" in table
    assert "metrics.auc" not in table
    points = run.json("runs", "metrics", runs[0], "--metric", "loss")
    assert [(point["step"], point["value"]) for point in points] == [(0, 0.9), (1, 0.3)]
    assert run("runs", "metrics", runs[0], "--points", "2", "--out", "-").out.startswith("key,step,value,timestamp\n")
    refused(run("runs", "log", runs[0], "loss=low"), 6, "loss=low")
    refused(run("runs", "list", "none"), 5, "fp experiments list")
    assert run.json("experiments", "archive", name)["archived"]
    refused(run("runs", "start", name), 6)


def test_a_model_is_watched_and_told_what_really_happened(run, model, tmp_path):
    refused(run("monitors", "health", model), 5, "fp monitors configure")
    config = json.dumps(
        {"model_name": model, "window_size": 100, "thresholds": [{"drift_type": "data", "method": "psi"}]}
    )
    refused(run("monitors", "configure", "-", given=config.replace("psi", "psy")), 6, "psy")
    config = json.dumps({"model_name": model, "window_size": 100})
    configured = run.json("monitors", "configure", "-", "--retrain-with", "deploy-model", given=config)
    assert configured["auto_retrain"]
    assert configured["served_version"] == "2"
    assert model in run("monitors", "list", "--severity", "ok").out
    known = run.json("monitors", "health", model)
    assert (known["overall_severity"], known["reason"]) == (
        "UNSPECIFIED",
        "version 2 was promoted without a baseline",
    )

    request_id = run.json("predict", model, "--input", "x=[1,1,1]")["request_id"]
    labels = f"request_id,actual_label\n{request_id},6\n{new_id()},1\n"
    file = tmp_path / "unmatched.csv"
    line = ("monitors", "truth", model, "-", "--unmatched", str(file))
    eventually(lambda: run.json(*line, given=labels), lambda answer: answer["accepted"] + answer["repeated"] == 1)
    assert len(file.read_text().splitlines()) == 2
    assert run.json(*line, "--wait", "0.1", given=labels) == {"accepted": 0, "repeated": 1, "unmatched": 1}
    refused(run("monitors", "truth", model, "-", given="request_id,actual_label\nr,\n"), 6, "line 2: ")

    assert run.json("monitors", "pause", model)["state"] == "PAUSED"
    assert run.json("monitors", "resume", model)["state"] == "PENDING_BASELINE"
    assert run("monitors", "get", model).out.startswith("id ")
    assert run.json("monitors", "reports", model) == []
    refused(run("monitors", "report", model), 5, "fp monitors get")
    refused(run("monitors", "report", new_id()), 5, "fp monitors reports")
    refused(run("monitors", "reset", model), 6)
    assert run.json("monitors", "delete", model)["deleted"]


def test_what_is_used_is_told_and_priced_by_plans(run, model):
    run.json("predict", model, "--input", "x=[1,1,1]")
    meter = "METER_TYPE_INFERENCE_REQUEST"
    used = eventually(
        lambda: run.json("usage", "--by", "day", "--meter", "inference_request"), lambda found: found["summaries"]
    )
    assert used["summaries"][0]["by_meter"][meter]["total_quantity"] >= 1
    assert "total 0." in run("usage").out
    assert run.json("usage", "--month", "2024-02")["summaries"] == []

    name, team = f"gold-{new_id()[-8:]}", f"team-{new_id()[-8:]}"
    prices = [f"--price={each}=0.0005" for each in ("inference-tokens", "compute-seconds", "storage-bytes")]
    create = ("plans", "create", name, "--currency", "eur", *prices)
    refused(run(*create, "--price", "cars=1"), 6, "cars")
    plan = run.json(*create, "--price", "inference-request=1.5", "--quota", "inference-request=7")
    assert plan["unit_prices"][meter] == {"amount_micros": 1_500_000, "currency_code": "EUR"}
    assert "1.50 EUR" in run("plans", "get", name).out
    assert name in run("plans", "list").out
    assert run.json("plans", "assign", name, "--team", team)["rate_plan"]["id"] == plan["id"]
    assert run.json("plans", "quota", "--team", team)[0]["quota_limit"] == 7
    assert "none" in run("plans", "quota").out
    refused(run("plans", "assign", "none"), 5, "fp plans list")
    assert isinstance(run.json("invoices", "list"), list)
    refused(run("invoices", "get", new_id()), 5)

    month = used["summaries"][0]["period_start"][:7]
    fee = run.json("billing", "adjust", team, month, "--amount", "-0.25", "--currency", "eur", "--reason", "a fee")
    assert (fee["amount"]["amount_micros"], fee["reason"]) == (-250_000, "a fee")
    assert "a fee" in run("billing", "adjustments", "--team", team).out
    refused(
        run("billing", "adjust", team, month, "--amount", "a quarter", "--currency", "eur", "--reason", "a fee"),
        6,
        "amount",
    )
    refused(run("billing", "void", new_id(), "--reason", "never was"), 5)
    assert "difference" in run("billing", "reconciliation").out


def test_a_team_is_told_by_rules_and_sees_the_log(run, receiver):
    name = f"rule-{new_id()[-8:]}"
    rule = run.json(
        "notifications", "rules", "create", name, "--pattern", "fp.features.>", "--webhook", receiver, "--in-app"
    )
    assert rule["channels"] == ["IN_APP", "WEBHOOK"]
    assert name in run("notifications", "rules", "list").out
    assert run.json("notifications", "test", "--rule", name)["response_code"] == 204
    assert run("notifications", "secret", "--rule", name).out.startswith("whsec_")
    view = json.dumps(VIEW | {"name": name})
    run.json("features", "views", "define", "-", given=view)
    [answer] = eventually(lambda: run.json("notifications", "list", "--type", "fp.features.>", "--limit", "1"), bool)
    assert answer["event_type"] == "fp.features.view.defined"
    log = run.json("notifications", "deliveries", "--notification", answer["id"])
    assert [(attempt["channel"], attempt["status"]) for attempt in log] == [("IN_APP", "DELIVERED")]
    assert "IN_APP" in run("notifications", "get", answer["id"]).out
    assert run.json("notifications", "read", answer["id"])["marked"] == 1
    preferences = json.dumps({"channels": [{"channel": "IN_APP", "enabled": True}]})
    assert run("notifications", "preferences", "--set", "-", given=preferences).code == 0
    assert "IN_APP" in run("notifications", "preferences").out
    refused(run("notifications", "test"), 6)
    assert run.json("notifications", "rules", "delete", name)["deleted"]
    refused(run("notifications", "rules", "delete", name), 5)
    # For a person these are all events of the team: what other tests do would be told, with the addresses in it.
    over = json.dumps({"channels": [{"channel": "IN_APP", "enabled": False}]})
    assert run("notifications", "preferences", "--set", "-", given=over).code == 0


def test_the_life_of_a_version_is_drawn(run, model):
    drawn = eventually(lambda: run("lineage", f"{model}@1").out, lambda text: "LIVE" in text and "ARCHIVED" in text)
    assert [line.split()[1] for line in drawn.splitlines()[1:]] == ["version", "deployment"]
    assert "<- this one" in drawn.splitlines()[1]
    assert "LIVE" in eventually(lambda: run("lineage", model).out, lambda text: "LIVE" in text)
    graph = run.json("lineage", f"{model}@1")
    assert {"MODEL", "VERSION", "DEPLOYMENT"} == {node["kind"] for node in graph["nodes"]}
    assert {"VERSIONED", "DEPLOYED"} == {edge["relation"] for edge in graph["edges"]}
    refused(run("lineage", f"{model}@9"), 5, f"fp models versions {model}")
    refused(run("lineage", "@1"), 6)


def test_the_log_of_a_step_is_printed(run, model):
    deployment = next(item for item in run.json("pipelines", "status") if item["input"].get("model") == model)
    log = run("pipelines", "logs", deployment["id"], "deploy")
    assert log.code == 0, log.err
    lines = run("pipelines", "logs", deployment["id"], "deploy", "--follow", "-o", "json").out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == log.out.splitlines()
    refused(run("pipelines", "logs", deployment["id"], "none"), 5)


def test_a_model_goes_back_to_the_version_before(run, model, tmp_path):
    assert [tenure["version"] for tenure in run.json("models", "history", model)] == ["2", "1"]
    assert run.json("deployments", "promotion", model)["state"] == "WATCHED"
    back = run("models", "rollback", model, "--reason", "worse")
    assert "traffic is back at 1=100%; version 2 is archived" in back.out
    assert run.json("models", "history", model, "--limit", "1")[0]["version"] == "1"
    split = {each["version"]: each["weight_bps"] for each in run.json("routes", "get", model)["targets"]}
    assert split["1"] == 10_000
    eventually(lambda: run("lineage", f"{model}@2").out, lambda text: "GONE (rollback)" in text)
    refused(run("models", "rollback", model), 6, "no version")
    assert "version 1 is archived now" in run("models", "rollback", model, "--stage").out
    file = tmp_path / "model.onnx"
    assert run.json("models", "download", model, "2", "--out", str(file))["size_bytes"] == len(linear_model())
    assert file.read_bytes() == linear_model()
    assert run.json("models", "list", "--tag", "none=none") == []
    refused(run("models", "rollback", "none"), 5)


@pytest.mark.parametrize(
    "line", [("usage", "--by", "week"), ("monitors", "list", "--severity", "bad"), ("runs", "compare"), ("lineage",)]
)
def test_a_word_that_is_none_of_the_choices_ends_with_2(run, line):
    finished = run(*line)

    assert finished.code == 2
    assert finished.out == ""


def test_a_key_does_what_its_scopes_grant(run, view):
    key = run.json("keys", "create", "--scope", "features:read", "--scope", "billing:read")["key"]

    assert run("features", "views", "get", view, FP_API_KEY=key).code == 0
    refused(run("features", "write", view, "-", given=WEATHER, FP_API_KEY=key), 4)
    refused(run("plans", "create", "x", FP_API_KEY=key), 4)
    refused(run("lineage", "m@1", FP_API_KEY=key), 4)
