"""Stores of operators and of other charts: the same roles, users and ports as pods of ours have."""

import json
from pathlib import Path

import chart
import pytest
import store_facts
import yaml
from fp_devstack.hosted import logins

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / store_facts.CHART
VALUES = CHART / "values-replicated.yaml"
OWNERS = json.loads((ROOT / store_facts.FILE).read_text())["stores"]["postgres"]["owners"]


@pytest.fixture(scope="module")
def objects():
    return {(each["kind"], each["metadata"]["name"]): each for each in chart.parsed(chart.rendered(CHART, VALUES))}


@pytest.fixture
def made(tmp_path):
    return {each["metadata"]["name"]: each for each in logins.manifests(tmp_path, "forgepoint-", operators=True)}


def test_each_service_has_a_role_and_a_database_of_its_own_by_the_secret_that_is_made(objects, made):
    cluster = objects["Cluster", "forgepoint-postgres"]["spec"]
    roles = {each["name"]: each for each in cluster["managed"]["roles"]}

    assert set(roles) == {f"fp_{noun}" for noun in OWNERS}
    for noun in OWNERS:
        role, database = roles[f"fp_{noun}"], objects["Database", f"fp-{noun}"]["spec"]
        assert made[role["passwordSecret"]["name"]]["type"] == "kubernetes.io/basic-auth"
        assert made[role["passwordSecret"]["name"]]["stringData"]["username"] == role["name"]
        assert (database["name"], database["owner"]) == (role["name"], role["name"])
        assert role["connectionLimit"] == 32


def test_services_reach_the_primary_by_the_name_that_their_urls_have(objects, made):
    cluster = objects["Cluster", "forgepoint-postgres"]["spec"]
    [service] = cluster["managed"]["services"]["additional"]

    assert (service["selectorType"], service["serviceTemplate"]["metadata"]["name"]) == ("rw", "postgres")
    assert "@postgres:5432/" in made["forgepoint-billing"]["stringData"]["FP_DATABASE_URL"]
    assert ("StatefulSet", "postgres") not in objects
    assert ("StatefulSet", "valkey") in objects


@pytest.mark.parametrize(("store", "operator"), [("postgres", "cnpg-system"), ("nats", None)])
def test_replicas_and_their_operator_reach_them_beside_those_who_have_a_login(objects, store, operator):
    policy = objects["NetworkPolicy", f"store-{store}"]["spec"]
    peers = json.dumps(policy["ingress"])

    assert policy["policyTypes"] == ["Ingress"]
    assert f'"matchLabels": {{"forgepoint.io/store": "{store}"}}' in peers
    assert operator is None or operator in peers


@pytest.mark.parametrize("store", ["postgres", "nats"])
def test_a_pod_of_ours_has_no_operator_that_could_reach_it(store):
    documents = chart.parsed(chart.rendered(CHART, CHART / "values.yaml"))
    [policy] = [each for each in documents if each["metadata"]["name"] == f"store-{store}"]
    peers = [peer for rule in policy["spec"]["ingress"] for peer in rule["from"]]

    assert peers
    assert all("forgepoint.io/program" in json.dumps(peer) for peer in peers)
    assert all(rule["ports"] for rule in policy["spec"]["ingress"])


def test_values_of_the_other_chart_have_the_label_the_name_and_the_users_of_ours(made):
    values = yaml.safe_load((CHART / "nats.yaml").read_text())
    [volume] = [each["value"] for each in values["podTemplate"]["patch"]]

    assert values["fullnameOverride"] == "nats"
    assert values["podTemplate"]["merge"]["metadata"]["labels"] == {"forgepoint.io/store": "nats"}
    assert values["config"]["cluster"]["replicas"] == 3
    assert "users.conf" in made[volume["secret"]["secretName"]]["stringData"]
    assert values["config"]["merge"]["$include"].endswith("/nats-users/users.conf")


def test_streams_are_made_with_as_many_replicas_as_the_values_say():
    folder = ROOT / "deploy" / "charts" / "forgepoint"
    documents = chart.parsed(chart.rendered(folder, folder / "values-kind.yaml", "stores.nats.replicas=3"))
    [job] = [each for each in documents if (each["kind"], each["metadata"]["name"]) == ("Job", "streams")]

    assert {"name": "FP_NATS_REPLICAS", "value": "3"} in job["spec"]["template"]["spec"]["containers"][0]["env"]


@pytest.mark.parametrize("setting", ["stores.mysql.by=pod", "stores.postgres.by=chart", "stores.nats.instances=3"])
def test_values_that_the_chart_of_stores_does_not_know_are_refused(setting):
    with pytest.raises(chart.Refused):
        chart.rendered(CHART, VALUES, setting)


def test_a_field_that_the_operator_does_not_know_is_refused():
    text = chart.rendered(CHART, VALUES)
    chart.conform(text)

    with pytest.raises(chart.Refused):
        chart.conform(text.replace("connectionLimit", "connectionsLimit", 1))
