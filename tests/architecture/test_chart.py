"""The chart, rendered by helm: what comes out is what the programs need, and a fault of each kind is found."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import chart
import chart_facts
import pytest
import store_facts
from chart_manifests import container
from chart_settings import FACTS, SECRETS, refused_settings
from fp_devstack.hosted import logins
from rules import manifests

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
KIND = CHART / "values-kind.yaml"
RESIDENT = [noun for noun, program in FACTS.items() if program["resident"]]


def environment_of(found, noun):
    told = manifests.variables(container(found, noun))
    return {name: SECRETS[name] if value is None else value for name, value in told.items()}


def test_the_chart_is_without_fault_with_each_of_its_values():
    assert chart.faults(ROOT) == []


@pytest.mark.parametrize("noun", RESIDENT)
def test_a_program_gets_the_settings_that_it_needs_and_none_that_it_does_not_know(planted, monkeypatch, noun):
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)

    assert refused_settings(noun, environment_of(planted[1], noun)) == []


def test_every_secret_that_a_program_wants_is_made(tmp_path):
    made = logins.of_programs(tmp_path)

    assert {noun: sorted(made[noun]) for noun in FACTS} == {noun: program["secrets"] for noun, program in FACTS.items()}
    assert sorted(made["operator"]) == ["FP_NATS_URL"]


def test_stores_let_in_who_has_a_login_there(tmp_path):
    stores = json.loads((ROOT / store_facts.FILE).read_text())["stores"]
    variables = {
        "postgres": "FP_DATABASE_URL",
        "nats": "FP_NATS_URL",
        "valkey": "FP_REDIS_URL",
        "s3": "FP_S3_SECRET_KEY",
    }
    made = logins.of_programs(tmp_path)

    known = {store: {noun for noun, found in made.items() if name in found} for store, name in variables.items()}

    # Beside them: who asks with each login before an installation, and who uses a URL that somebody has signed.
    others = {store: {"preflight", *(["client"] if store == "s3" else [])} for store in known}
    assert {store: set(facts["callers"]) for store, facts in stores.items()} == {
        store: nouns | others[store] for store, nouns in known.items()
    }


def test_a_store_for_which_somebody_new_has_a_login_is_stale(tree):
    replaced(
        tree / "deploy" / "platform" / "src" / "fp_platform" / "services.toml",
        "[services.experiment]\ndatabase = true\n",
        "[services.experiment]\ndatabase = true\nredis = true\n",
    )
    for example in (tree / chart_facts.CHART.parent).glob("*/values-*"):
        example.unlink()  # nothing is rendered wrongly

    assert f"{store_facts.FILE} is stale: run python tools/store_facts.py" in chart.faults(tree)


def test_a_fault_of_a_store_is_found():
    found = chart.parsed(chart.rendered(ROOT / store_facts.CHART))
    [store] = [each for each in found if each["kind"] == "StatefulSet" and each["metadata"]["name"] == "nats"]
    del store["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]

    findings = manifests.findings(found, chart.images(ROOT), manifests.RULES_OF_STORES)

    assert findings == ["StatefulSet/nats: readinessProbe asks no port of its container"]


@pytest.mark.parametrize("missing", ["FP_SPOOL_DIR", "FP_PIPELINE_ADDR", "FP_NATS_URL"])
def test_a_setting_that_is_lacking_is_found(planted, monkeypatch, missing):
    monkeypatch.delenv(missing, raising=False)
    environment = {name: value for name, value in environment_of(planted[1], "inference").items() if name != missing}

    assert missing.removeprefix("FP_").lower() in str(refused_settings("inference", environment))


def test_a_setting_that_the_program_does_not_know_is_found(planted):
    environment = {**environment_of(planted[1], "billing"), "FP_BILLING_LINGERS": "1"}

    assert refused_settings("billing", environment) == ["FP_BILLING_LINGERS"]


@pytest.fixture
def tree(tmp_path):
    """A tree with what the chart's facts are made from, to plant in."""
    for name in (chart_facts.CHART.parent, Path("deploy/docker"), Path("deploy/platform/src/fp_platform")):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "deploy" / "topology.toml", tmp_path / "deploy")
    return tmp_path


def replaced(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_call_that_the_topology_does_not_have_is_not_let_through(tree):
    """The address alone opens nothing."""
    replaced(
        tree / "deploy" / "topology.toml",
        '    "billing.CheckQuota",\n    "monitor.ListLoggedModels"',
        '    "monitor.ListLoggedModels"',
    )
    assert not chart_facts.is_current(tree)
    (tree / chart_facts.FILE).write_text(chart_facts.render(tree))

    folder = tree / chart_facts.CHART
    manifest = chart.parsed(chart.rendered(folder, folder / KIND.name))
    found = manifests.findings(manifest, chart.images(tree))

    assert any("StatefulSet/inference: its network policy does not let it reach billing:9090" in line for line in found)


def test_a_service_that_nobody_gave_values_is_found(tree):
    replaced(
        tree / "deploy" / "platform" / "src" / "fp_platform" / "services.toml",
        "[services.experiment]",
        "[services.planted]\nnats = true\n\n[services.experiment]",
    )

    assert "values.yaml: services.planted is missing or of no program" in chart.unnamed(
        tree / chart_facts.CHART, chart_facts.facts(tree)
    )


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("services.auth.replica=3", "additional properties 'replica' not allowed"),
        ("services.ai.replicas=1", "additional properties 'ai' not allowed"),
        ("drain.delay=3", "additional properties 'delay' not allowed"),
        ("services.auth.env.PATH=/", "PATH"),
        ("image.tag=latest", "the tag latest is no version"),
        ("publicUrl=", "publicUrl is missing"),
        ("services.auth.replicas=30", "connections of the database during an upgrade"),
        ("services.auth.replicas=0", "minimum"),
        ("secrets.externalSecrets.enabled=true", "storeRef.name is missing"),
    ],
)
def test_values_that_could_not_run_are_refused(setting, reason):
    with pytest.raises(chart.Refused, match=reason):
        chart.rendered(CHART, KIND, setting)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("automountServiceAccountToken: false\n      enableServiceLinks", "enableServiceLink"),
        ("replicas: 1", "replicas: many"),
        ("kind: PodDisruptionBudget", "kind: PodDisruptionBudgets"),
        ("maxUnavailable: 1", "maxUnavailabel: 1"),
        ("refreshInterval: 1h", "refreshEvery: 1h"),
    ],
)
def test_an_object_that_kubernetes_would_not_take_is_refused(old, new):
    text = chart.rendered(
        CHART, CHART / ("values-eks.yaml" if "PodD" in old or "max" in old or "refresh" in old else KIND.name)
    )
    chart.conform(text)
    assert old in text

    with pytest.raises(chart.Refused):
        chart.conform(text.replace(old, new, 1))


def test_no_values_leave_a_database_fewer_connections_than_a_process_opens():
    """A pool, the relay and its lease, signals, and a migration."""
    from fp_postgres import Database  # noqa: PLC0415 -- for its default alone

    values = (CHART / "values.yaml").read_text()
    pool = Database.connect.__func__.__kwdefaults__["max_size"]

    assert int(values.split("connectionsPerReplica: ")[1].split()[0]) >= pool + 4


@pytest.mark.parametrize("folder", [CHART, ROOT / store_facts.CHART], ids=lambda folder: folder.name)
def test_what_is_rendered_again_is_the_same_to_the_byte(folder):
    values = KIND if folder == CHART else None

    assert chart.rendered(folder, values) == chart.rendered(folder, values)


def test_the_chart_has_the_version_of_the_platform():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    facts = chart.yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (facts["version"], facts["appVersion"]) == (version, version)


def test_each_image_of_the_list_is_a_member_of_the_workspace_with_a_program():
    lines = [line.split() for line in (ROOT / chart.IMAGES).read_text().splitlines() if line and line[0] != "#"]
    members = {
        tomllib.loads(file.read_text())["project"]["name"]: file.parent for file in ROOT.glob("*/*/pyproject.toml")
    }
    members |= {"fp-cli": ROOT / "cli"}

    assert {name for name, *_ in lines} >= set(FACTS)
    assert [
        package
        for _, package, module in lines
        if not (members[package] / "src" / module.replace(".", "/") / "__main__.py").is_file()
    ] == []


def test_a_recipe_of_images_that_takes_what_it_finds_is_refused(tmp_path):
    recipe = tmp_path / "Dockerfile"
    text = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    recipe.write_text(f"{text}\nRUN apt-get update && apt-get install curl\n")
    hadolint = Path(sys.executable).with_name("hadolint")

    done = subprocess.run([hadolint, recipe], capture_output=True, text=True, check=False)

    assert done.returncode
    assert "DL3008" in done.stdout
