"""What the chart has the preflight ask for, before anything is changed."""

import json
from pathlib import Path

import chart
import chart_facts
import pytest
from chart_settings import FACTS
from fp_preflight import read
from fp_runtime.settings import EventSettings, PostgresSettings, RedisSettings, S3Settings, load

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
KIND = CHART / "values-kind.yaml"
URLS = {
    "FP_DATABASE_URL": "postgresql://a:b@postgres/c",
    "FP_NATS_URL": "nats://a:b@nats:4222",
    "FP_REDIS_URL": "redis://a:b@valkey:6379/0",
    "FP_S3_ACCESS_KEY": "key",
    "FP_S3_SECRET_KEY": "secret",
}
SETTINGS = {"postgres": PostgresSettings, "nats": EventSettings, "valkey": RedisSettings, "s3": S3Settings}


@pytest.fixture(scope="module")
def objects():
    return {(each["kind"], each["metadata"]["name"]): each for each in chart.parsed(chart.rendered(CHART, KIND))}


@pytest.fixture(scope="module")
def pod(objects):
    return objects["Job", "preflight"]["spec"]["template"]["spec"]


@pytest.fixture
def wanted(pod, tmp_path):
    """As the program reads it, with a file for each key that its volume would have."""
    for source in pod["volumes"][0]["projected"]["sources"]:
        for item in source["secret"]["items"]:
            file = tmp_path / item["path"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(URLS.get(item["key"], "text"))
    [text] = [each["value"] for each in pod["containers"][0]["env"] if each["name"] == "FP_PREFLIGHT_WANTED"]
    return {program.noun: program for program in read(text, tmp_path)}


def test_every_program_that_stays_and_the_operator_are_asked_for(wanted):
    resident = {noun: facts for noun, facts in FACTS.items() if facts["resident"]}

    assert set(wanted) == {*resident, "operator"}
    assert {noun: list(program.secrets) for noun, program in wanted.items() if noun != "operator"} == {
        noun: facts["secrets"] for noun, facts in resident.items()
    }
    assert not [program for program in wanted.values() if not all(map(program.environment.get, program.secrets))]


def test_each_store_is_asked_with_the_settings_that_the_program_has(wanted):
    for program in wanted.values():
        for store in program.stores:
            load(SETTINGS[store], program.environment)
    assert {noun for noun, program in wanted.items() if "s3" in program.stores and not program.objects} == set()


def test_what_the_databases_are_asked_for_is_what_the_chart_counts(wanted, objects):
    replicas = {noun: objects["Deployment", noun]["spec"]["replicas"] for noun in ("auth", "billing")}

    assert {noun: wanted[noun].connections for noun in replicas} == {
        noun: 9 * (count + 1) + 1 for noun, count in replicas.items()
    }


def test_a_secret_that_is_not_there_does_not_keep_the_pod_from_naming_it(pod):
    assert all(source["secret"]["optional"] for source in pod["volumes"][0]["projected"]["sources"])


def test_it_comes_before_migrations_and_after_what_it_needs(objects):
    def weight(kind, name):
        return int(objects[kind, name]["metadata"]["annotations"]["helm.sh/hook-weight"])

    assert weight("NetworkPolicy", "preflight") < weight("Job", "preflight") < weight("Job", "auth-migrate")
    assert weight("Job", "preflight") < weight("Job", "streams")


def test_what_it_says_is_in_the_status_of_its_pod_and_it_says_it_once(objects, pod):
    assert pod["containers"][0]["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert objects["Job", "preflight"]["spec"]["backoffLimit"] == 0


def test_it_finds_the_stores_by_their_names_on_the_first_day_as_well(objects):
    """Before any other policy of the release stands: one that a pod has refuses whatever it does not name."""
    egress = {kind: objects["NetworkPolicy", kind]["spec"]["egress"] for kind in ("default-deny", "preflight")}

    assert egress["default-deny"][0] in egress["preflight"]


def test_it_can_be_left_out():
    rendered = chart.rendered(CHART, KIND, "hooks.preflight.enabled=false")

    assert "fp_preflight" not in rendered
    assert "auth-migrate" in rendered


def test_no_secret_stands_in_what_it_is_told(pod):
    [text] = [each["value"] for each in pod["containers"][0]["env"] if each["name"] == "FP_PREFLIGHT_WANTED"]

    assert set(json.loads(text)["auth"]["env"]) == {
        "FP_S3_BUCKET",
        "FP_S3_ENDPOINT",
        "FP_S3_PUBLIC_ENDPOINT",
        "FP_S3_REGION",
    }
