"""From two models to an ensemble of them that answers, by the command."""

import json
from pathlib import Path

import pytest
from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import refused
from fp_kernel import new_id
from platform_client import linear_model

DEPLOY = str(Path(__file__).parents[2] / "examples/deploy-model.yaml")


@pytest.fixture
def made(run, tmp_path):
    """Names of a model of three columns and of one of the sum of one, registered with samples."""
    names = []
    for weights, sample in (((1.0, 2.0, 3.0), [1, 1, 1]), ((10.0,), [1])):
        file, samples = tmp_path / f"{len(weights)}.onnx", tmp_path / "samples.json"
        file.write_bytes(linear_model(weights))
        samples.write_text(json.dumps([{"x": sample}]))
        name = f"part-{new_id()}"
        registered = run.json("models", "register", name, str(file), "--warm-up", str(samples))
        assert registered["status"] == "READY"
        names.append(name)
    return names


def written(tmp_path, steps, outputs):
    file = tmp_path / "both.yaml"
    file.write_text(json.dumps({"steps": steps, "outputs": outputs, "warm_up": [{"flight": [0, 0, 1]}]}))
    return str(file)


def test_two_models_are_composed_deployed_asked_and_kept(run, tmp_path, made):
    first, last = made
    steps = [
        {"name": "sum", "model": first, "version": "1", "inputs": {"x": "inputs.flight"}},
        {"name": "tenfold", "model": last, "version": 1, "inputs": {"x": "sum.y"}},
    ]
    file = written(tmp_path, steps, {"total": "tenfold.y", "sum": "sum.y"})

    checked = run.json("models", "check", file)
    both = f"both-{new_id()}"
    registered = run.json("models", "register", both, file)
    run("pipelines", "apply", DEPLOY)
    deployed = run(
        "pipelines", "trigger", "deploy-model", "--input", f"model={both}", "--input", "version=1", "--watch"
    )
    answer = run.json("predict", both, "--input", "flight=[[1, 1, 1]]")

    assert [each["name"] for each in checked["inputs"]] == ["flight"]
    assert registered["status"] == "READY"
    assert [(each["step"], each["model_name"]) for each in registered["members"]] == [("sum", first), ("tenfold", last)]
    assert deployed.code == 0, deployed.err
    assert (answer["outputs"]["total"], answer["outputs"]["sum"]) == ([[60.0]], [[6.0]])
    refused(run("models", "archive", first, "--force"), 6, f"version 1 of {both} is an ensemble")
    (used,) = run.json("models", "show", first, "1")["used_by"]
    assert (used["model_name"], used["version"], used["steps"]) == (both, "1", ["sum"])
    assert [each["model_name"] for each in run.json("models", "ensembles", last)] == [both]
    shown = run("models", "show", both)
    assert shown.code == 0, shown.err
    assert "is an ensemble of" in shown.out
    assert first in shown.out
    archived = run("models", "promote", first, "1", "--stage", "ARCHIVED")
    assert f"its artifact stays: {both} version 1 runs it" in archived.out


@pytest.mark.parametrize(
    ("step", "outputs", "text"),
    [
        ({"inputs": {"z": "inputs.flight"}}, {"y": "only.y"}, "steps[only].inputs[z]: is not an input"),
        ({"inputs": {"x": "inputs.flight"}}, {"y": "only.z"}, "outputs[y]: comes from only.z"),
        ({"inputs": {"x": "inputs.flight"}, "version": "9"}, {"y": "only.y"}, "has no version 9"),
        ({"inputs": {"x": "inputs.flight"}}, {"y": "nobody.y"}, "which is no step"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_registered(run, tmp_path, made, step, outputs, text):
    file = written(tmp_path, [{"name": "only", "model": made[0], "version": "1"} | step], outputs)

    finished = run("models", "register", f"both-{new_id()}", file)

    assert finished.code != 0
    assert text in finished.err
