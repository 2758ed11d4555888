"""The prediction log on a real platform: from the answer through the edge to the list, the export, a backtest, the gate
of a deployment, and the erasure.
"""

import io
import json
import secrets

import httpx
import pyarrow.parquet as pq
import pytest
from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import eventually, refused, within
from fp_kernel import new_id
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from platform_client import linear_model

NAME = f"logged-{new_id()[-8:]}"
SAME, WORSE = (1.0, 2.0, 3.0), (1.0, 2.0, 5.0)
GATED = {
    "name": f"gated-{NAME}",
    "type": "DEPLOYMENT_SAGA",
    "steps": [
        {"id": "validate", "type": "VALIDATE"},
        {
            "id": "backtest",
            "type": "EVALUATE",
            "config": {"backtest": {"metric": "rmse", "max_loss": 0.1, "min_labelled": 5, "days": 1}},
        },
        {"id": "deploy", "type": "DEPLOY"},
        {"id": "promote", "type": "PROMOTE"},
    ],
}


def trigger(pipeline, version):
    values = ("--input", f"model={NAME}", "--input", f"version={version}")
    return ("pipelines", "trigger", pipeline, *values, "--watch")


@pytest.fixture(scope="module")
def logged(tmp_path_factory, home):
    """Name of a model whose first version is deployed and logged; two others are there to be asked the same."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "gated.json").write_text(json.dumps(GATED))
    lines = []
    for version, weights in (("1", SAME), ("2", WORSE), ("3", SAME)):
        file = folder / f"{version}.onnx"
        file.write_bytes(linear_model(weights))
        lines.append(("models", "register", NAME, str(file)))
    deploy = {**GATED, "name": f"deploy-{NAME}", "steps": [each for each in GATED["steps"] if each["id"] != "backtest"]}
    (folder / "deploy.json").write_text(json.dumps(deploy))
    lines += [("pipelines", "apply", str(folder / name)) for name in ("gated.json", "deploy.json")]
    lines.append(trigger(deploy["name"], "1"))
    (folder / "monitor.json").write_text(json.dumps({"model_name": NAME, "window_size": 1_000}))
    lines += [("monitors", "configure", str(folder / "monitor.json")), ("predictions", "log", NAME)]
    for line in lines:
        process = within(*line, home=home)
        assert process.returncode == 0, process.stdout + process.stderr
    return NAME


@pytest.fixture(scope="module")
def asked(logged, home):
    """Request id and label of ten predictions that are in the log: what happened is a little off."""
    found: dict[str, str] = {}

    def ask(number: float) -> str:
        answer = within("predict", logged, "--input", f"x=[{number},1,1]", "-o", "json", home=home)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)["request_id"]

    def listed() -> list[str]:
        answer = within("predictions", "list", logged, "--limit", "1000", "-o", "json", home=home)
        return [each["prediction"]["request_id"] for each in json.loads(answer.stdout)]

    # inference asks for policies each ten seconds; what was answered before is not logged.
    first = eventually(lambda: (ask(1000), listed()), lambda both: both[1])[1]
    for number in range(10):
        found[ask(number)] = str(number + 5.5)
    eventually(listed, lambda there: set(found) <= set(there))
    assert first
    return found


def test_what_was_asked_through_the_edge_is_listed_shown_and_exported(run, logged, asked, tmp_path):
    shown = run.json("predictions", "get", logged, next(iter(asked)))
    assert shown["version"] == "1"
    assert [each["name"] for each in shown["prediction"]["inputs"]] == ["x"]
    assert shown["prediction"]["request_id"] in run("predictions", "list", logged, "--limit", "1000").out
    assert run.json("predictions", "stored", logged)["predictions"] >= 10
    exported = run.json("predictions", "export", logged, str(tmp_path / "log"))
    assert exported
    rows = [row for file in sorted((tmp_path / "log").iterdir()) for row in read(file.read_bytes())]
    assert set(asked) <= {row["request_id"] for row in rows}
    assert len({row["request_id"] for row in rows}) == len(rows)
    refused(run("predictions", "get", logged, new_id()), 5)


def read(content: bytes):
    return pq.read_table(io.BytesIO(content)).to_pylist()


@pytest.fixture(scope="module")
def labelled(logged, asked, home, tmp_path_factory):
    """The same with labels, as they were reported to the monitor."""
    labels = tmp_path_factory.mktemp("labels") / "labels.csv"
    labels.write_text("request_id,actual_label\n" + "".join(f"{each},{label}\n" for each, label in asked.items()))

    def told() -> dict[str, int]:
        answer = within("monitors", "truth", logged, str(labels), "--wait", "1", "-o", "json", home=home)
        return json.loads(answer.stdout)

    told_all = eventually(told, lambda said: said["accepted"] + said["repeated"] == len(asked))
    assert told_all["unmatched"] == 0
    return asked


def test_another_version_is_asked_the_same_and_what_answered_gives_the_same_bytes(run, logged, labelled):
    same = run.json("models", "backtest", f"{logged}@3", "--last", "1d")
    assert same["identical"] == same["predictions"] > len(labelled)
    assert (same["difference"], same["labelled"]) == (0, len(labelled))
    assert same["then.rmse"] == same["now.rmse"] == pytest.approx(0.5, abs=1e-5)
    worse = run.json("models", "backtest", f"{logged}@2", "--last", "1d")
    assert worse["identical"] == 0
    assert worse["now.rmse"] == pytest.approx(1.5, abs=1e-5)
    gate = run("models", "backtest", f"{logged}@2", "--last", "1d", "--metric", "rmse")
    assert (gate.code, "loses 200.0% of rmse" in gate.err) == (6, True), gate.err


def test_an_ensemble_is_asked_the_same_as_a_model(run, logged, labelled, tmp_path):
    step = {"name": "only", "model": logged, "version": "3", "inputs": {"x": "inputs.x"}}
    file = tmp_path / "ensemble.yaml"
    file.write_text(json.dumps({"steps": [step], "outputs": {"y": "only.y"}}))
    version = run.json("models", "register", logged, str(file))["version"]
    same = run.json("models", "backtest", f"{logged}@{version}", "--last", "1d")
    assert same["identical"] == same["predictions"] > len(labelled)
    assert (same["difference"], same["labelled"]) == (0, len(labelled))


def test_an_answer_is_followed_from_its_version_to_its_trace_and_its_meter(run, logged, asked, platform, home):
    trace_id = secrets.token_hex(16)
    key = run.json("keys", "create", "--scope", "predictions:create")["key"]
    answer = httpx.post(
        f"{platform.http}/v1/models/{logged}/predict",
        json={"inputs": {"x": {"dtype": "FLOAT32", "data": [[7, 1, 1]]}}},
        headers={"authorization": f"Bearer {key}", "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"},
        verify=NO_TLS,
        timeout=PATIENCE,
    )
    assert answer.status_code == 200, answer.text
    request_id = answer.json()["requestId"]

    def why():
        return json.loads(within("-o", "json", "why", request_id, home=home).stdout or "{}")

    trail = eventually(why, lambda found: found.get("usage", {}).get("total_quantity", 0) > 0)
    assert trail["prediction"]["prediction"]["trace_id"] == trace_id
    assert (trail["version"]["version"], trail["version"]["artifact_digest"][:7]) == ("1", "sha256:")
    assert "PromoteVersion" in {entry["method"].rpartition("/")[2] for entry in trail["audit_entries"]}
    assert {each["part"] for each in trail["missing"]} == {"run", "invoice_line"}
    shown = run("why", request_id, "--model", logged)
    assert shown.code == 0, shown.err
    assert f"traced        {trace_id}" in shown.out
    assert "no run" in shown.out
    refused(run("why", new_id(), "--model", logged), 5)


def executed(run, version):
    run(*trigger(GATED["name"], version))
    newest = max(run.json("pipelines", "status"), key=lambda each: each["id"])
    return run.json("pipelines", "status", newest["id"])


def test_a_saga_deploys_no_version_that_is_worse_than_what_was_answered(run, logged, labelled):
    ended = executed(run, "2")
    step = next(each for each in ended["step_executions"] if each["step_id"] == "backtest")
    assert step["error"].startswith("BACKTEST_REFUSED: rmse is 1.5")
    assert step["output"]["backtest"]["labelled"] == len(labelled)
    assert step["output"]["incumbent_metrics"]["rmse"] == pytest.approx(0.5, abs=1e-5)
    assert (
        f"refused: {step['output']['backtest']['predictions']:g} asked" in run("pipelines", "status", ended["id"]).out
    )
    assert {each["version"] for each in run.json("deployments", "list", "--model", logged)} == {"1"}
    ended = executed(run, "3")
    step = next(each for each in ended["step_executions"] if each["step_id"] == "backtest")
    assert (step["status"], ended["status"]) == ("COMPLETED", "COMPLETED")
    assert step["output"]["backtest"]["identical"] == step["output"]["backtest"]["predictions"]
    assert "3" in {each["version"] for each in run.json("deployments", "list", "--model", logged)}


def test_what_was_erased_is_in_no_answer(run, logged, asked):
    ids = list(asked)
    run.json("predictions", "erase", logged, ids[0])
    refused(run("predictions", "get", logged, ids[0]), 5)
    assert run.json("predictions", "get", logged, ids[7])
    run.json("predictions", "forget", "x=7", "--model", logged)
    refused(run("predictions", "get", logged, ids[7]), 5)
    assert run.json("predictions", "get", logged, ids[8])
    refused(run("predictions", "forget", "x"), 6, "name=value")
    assert run.json("predictions", "delete", logged)["deleted"]
    assert run.json("predictions", "list", logged) == []
