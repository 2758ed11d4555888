"""What a team keeps in files: applied, compared, and taken from one platform to another one."""

import json
from pathlib import Path

import pytest
import yaml
from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import refused, within
from fp_kernel import new_id
from platform_client import UP, fp, linear_model

DEPLOY = str(Path(__file__).parents[2] / "examples/deploy-model.yaml")
TAG = new_id()[-8:]
MODEL = f"declared-{TAG}"
SPECS = {
    "Team": {"display_name": "Flights", "limits": {"max_users": 7}},
    "RatePlan": {
        "unit_prices": {"METER_TYPE_INFERENCE_REQUEST": {"amount_micros": 500, "currency_code": "EUR"}},
        "quota_limits": {"METER_TYPE_INFERENCE_REQUEST": 1000},
    },
    "Role": {"description": "Reads", "scopes": ["models:read", "features:read"]},
    "FeatureView": {
        "entity": {"name": "airport", "join_key": "airport"},
        "features": [{"name": "temp", "value_type": "DOUBLE"}],
        "online_ttl": "3600s",
    },
    "Pipeline": {
        "type": "DEPLOYMENT_SAGA",
        "steps": [{"id": "validate", "type": "VALIDATE", "timeout": "60s"}],
    },
    "NotificationRule": {"patterns": ["fp.models.>"], "channels": ["IN_APP"]},
    "Monitor": {"window_size": 64, "min_samples": 64},
    "PredictionLog": {"sample_bps": 500, "masked": ["name"], "retention_days": 60},
    "Route": {"targets": [{"version": "1", "weight_bps": 10000}]},
}
NAMES = dict.fromkeys(SPECS, f"declared-{TAG}")


@pytest.fixture
def folder(tmp_path):
    """Of one object a kind; a pipeline that triggers another one stands before it."""
    documents = [(kind, NAMES[kind], spec) for kind, spec in SPECS.items()]
    documents.insert(2, ("RatePlanAssignment", NAMES["Team"], {"rate_plan": NAMES["RatePlan"]}))
    outputs = ["model.onnx", "profile.json"]
    train = {"id": "t", "type": "TRAIN", "config": {"module": "fp_flights.train_job", "outputs": outputs, "rounds": 3}}
    register = {"id": "r", "type": "REGISTER", "depends_on": ["t"], "config": {"model": MODEL}}
    trained = {"type": "TRAINING_DAG", "steps": [train, register], "then_pipeline": NAMES["Pipeline"]}
    documents.append(("Pipeline", f"a-{TAG}", trained))
    for kind, name, spec in documents:
        file = tmp_path / "files" / f"{kind}-{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        text = {"apiVersion": "forgepoint.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        file.write_text(yaml.safe_dump(text))
    return tmp_path / "files"


def serve(home, file, **env):
    """Let the model of these files be registered and deployed, which no file says."""
    for line in (
        ("models", "register", MODEL, str(file)),
        ("pipelines", "apply", DEPLOY),
        ("pipelines", "trigger", "deploy-model", "--input", f"model={MODEL}", "--input", "version=1", "--watch"),
    ):
        process = within(*line, home=home, env=env)
        assert process.returncode == 0, process.stdout + process.stderr


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("model") / "model.onnx"
    file.write_bytes(linear_model())
    return file


@pytest.fixture(scope="module")
def served(home, model_file):
    serve(home, model_file)


@pytest.fixture
def empty(tmp_path, model_file):
    """A platform of its own that has nothing but the deployed model: `fp` lines on it."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    env = {"FP_DATA": str(home / "data")}
    up = fp(*UP, "-o", "json", home=home, env=env)
    try:
        assert up.returncode == 0, up.stderr
        access = json.loads(up.stdout)
        login = within("login", "--email", access["email"], home=home, env=env | {"FP_PASSWORD": access["password"]})
        assert login.returncode == 0, login.stderr
        serve(home, model_file, **env)
        yield lambda *line: within(*line, home=home, env=env)
    finally:
        fp("down", home=home, env=env)


def outcomes(printed):
    return {each["outcome"] for each in json.loads(printed)}


def declared(documents):
    """Of all that is there what these files name."""
    ours = {*NAMES.values(), f"a-{TAG}"}
    found = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in documents}
    return {key: spec for key, spec in found.items() if key[1] in ours}


def test_the_files_of_a_team_are_applied_once_and_make_the_same_platform_elsewhere(run, folder, served, empty):
    assert "created" in run("apply", "-f", str(folder), "--dry-run").out
    first = run("apply", "-f", str(folder), "-o", "json")
    # The route was made by the deployment, and a team that was never assigned is on the platform's own plan.
    assert (first.code, outcomes(first.out)) == (0, {"created", "changed", "unchanged"}), first.err
    again = run("apply", "-f", str(folder), "-o", "json")
    assert (again.code, outcomes(again.out)) == (0, {"unchanged"})
    assert run("diff", "-f", str(folder)).code == 0

    ours = declared(yaml.safe_load_all(run("export").out))
    assert {kind for kind, _ in ours} == {*SPECS, "RatePlanAssignment"}
    copies = folder.parent / f"copies-{TAG}"
    assert run("export", "--out", str(copies)).code == 0
    for file in copies.rglob("*.yaml"):
        if not declared([yaml.safe_load(file.read_text())]):
            file.unlink()

    applied = empty("apply", "-f", str(copies), "-o", "json")
    assert (applied.returncode, outcomes(applied.stdout)) == (0, {"created", "changed", "unchanged"}), applied.stderr
    there = empty("export", "-o", "json")
    assert declared(json.loads(there.stdout)) == ours
    assert outcomes(empty("apply", "-f", str(copies), "-o", "json").stdout) == {"unchanged"}


def test_a_difference_is_shown_applied_and_then_gone(run, tmp_path):
    name = f"role-{new_id()[-8:]}"
    document = {"apiVersion": "forgepoint.io/v1", "kind": "Role", "metadata": {"name": name}, "spec": SPECS["Role"]}
    assert run("apply", "-f", "-", given=yaml.safe_dump(document)).code == 0
    document["spec"] = {"description": "Reads models", "scopes": ["models:read"]}
    changed = yaml.safe_dump(document)

    shown = run("diff", "-f", "-", given=changed)
    assert shown.code == 1
    assert "+  description: Reads models" in shown.out
    assert "-  - features:read" in shown.out
    assert outcomes(run("apply", "-f", "-", "-o", "json", given=changed).out) == {"changed"}
    assert run("diff", "-f", "-", given=changed).code == 0


def test_a_rule_is_changed_in_its_place(run):
    name = f"changed-{TAG}"
    document = {
        "apiVersion": "forgepoint.io/v1",
        "kind": "NotificationRule",
        "metadata": {"name": name},
        "spec": SPECS["NotificationRule"],
    }
    assert outcomes(run("apply", "-f", "-", "-o", "json", given=yaml.safe_dump(document)).out) == {"created"}
    (before,) = [each for each in run.json("notifications", "rules", "list") if each["name"] == name]
    document["spec"] = {"patterns": ["fp.models.>", "fp.pipelines.>"], "channels": ["IN_APP"], "min_severity": "ERROR"}
    given = yaml.safe_dump(document)
    assert outcomes(run("apply", "-f", "-", "-o", "json", given=given).out) == {"changed"}
    (after,) = [each for each in run.json("notifications", "rules", "list") if each["name"] == name]
    assert (after["id"], after["patterns"], after["min_severity"]) == (
        before["id"],
        document["spec"]["patterns"],
        "ERROR",
    )
    assert outcomes(run("apply", "-f", "-", "-o", "json", given=given).out) == {"unchanged"}


def test_what_cannot_be_applied_is_named_and_does_not_keep_the_rest(run):
    good = {
        "apiVersion": "forgepoint.io/v1",
        "kind": "Role",
        "metadata": {"name": f"good-{TAG}"},
        "spec": SPECS["Role"],
    }
    bad = {**good, "metadata": {"name": f"bad-{TAG}"}, "spec": {"scopes": ["models:fly"]}}

    ended = run("apply", "-f", "-", "-o", "json", given=yaml.safe_dump_all([bad, good]))

    assert {each["name"]: each["outcome"] for each in json.loads(ended.out)} == {
        f"bad-{TAG}": "failed",
        f"good-{TAG}": "created",
    }
    assert ended.code == 6
    assert f"error: Role bad-{TAG}: " in ended.err
    refused(run("apply", "-f", "-", given="kind: Role\nkind: Role\n"), 6, "line 2: the key kind is there twice")


def test_a_declared_pipeline_may_be_applied_by_its_own_command(run):
    document = {
        "apiVersion": "forgepoint.io/v1",
        "kind": "Pipeline",
        "metadata": {"name": f"own-{TAG}"},
        "spec": SPECS["Pipeline"],
    }

    assert "created" in run("pipelines", "apply", "-", given=yaml.safe_dump(document)).out
    assert outcomes(run("apply", "-f", "-", "-o", "json", given=yaml.safe_dump(document)).out) == {"unchanged"}


def test_pruning_asks_and_deletes_only_what_the_set_applied(run):
    def role(name):
        spec = {"scopes": ["models:read"]}
        metadata = {"name": f"{name}-{TAG}"}
        return {"apiVersion": "forgepoint.io/v1", "kind": "Role", "metadata": metadata, "spec": spec}

    both, one, other = yaml.safe_dump_all([role("p"), role("q")]), yaml.safe_dump(role("p")), yaml.safe_dump(role("r"))
    line = ("apply", "-f", "-", "-o", "json", "--set", f"set-{TAG}")
    assert run(*line, given=both).code == 0
    assert run("apply", "-f", "-", "--set", f"other-{TAG}", given=other).code == 0

    assert run("apply", "-f", "-", "--prune", given=one).code == 2
    refused(run(*line, "--prune", given=one), 6, f"--prune would delete Role q-{TAG} ")
    assert outcomes(run(*line, "--prune", "--dry-run", given=one).out) == {"unchanged", "pruned"}
    assert outcomes(run(*line, given=one).out) == {"unchanged"}
    refused(run(*line, "--prune", "--yes", given=""), 6, "nothing is declared in it")
    assert outcomes(run(*line, "--prune", "--yes", given=one).out) == {"unchanged", "pruned"}

    left = {each["name"] for each in run.json("roles", "list")}
    assert {f"p-{TAG}", f"r-{TAG}"} <= left
    assert f"q-{TAG}" not in left
    taken = run(*line, given=other)
    assert (taken.code, outcomes(taken.out)) == (6, {"failed"})
    assert f"belongs to the set other-{TAG}" in taken.err
