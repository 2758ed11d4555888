"""What the chart says of runtimes and jobs: their pods, whom they reach, whose they are, and who may make them."""

import json
import tomllib
from pathlib import Path

import chart
import chart_facts
import pytest
import yaml
from chart_settings import SECRETS, refused_settings
from fp_pipeline.adapters.kubernetes.runtimes import KubernetesRuntimes
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import RuntimeSpec
from fp_pipeline.domain import backtest
from fp_pipeline.domain.replicas import Replicas
from fp_pipeline.settings import modules
from pipeline_fakes.api_server import FakeApiServer
from rules import manifests

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
KIND = CHART / "values-kind.yaml"
PIPELINE = ("Deployment", "pipeline")


@pytest.fixture(scope="module")
def made_by_pipeline():
    """What pipeline reads of the pods that it makes."""
    documents = chart.parsed(chart.rendered(CHART, KIND, "teams.risk.quota.jobs.pods=3", "jobs.images={ours/}"))
    [found] = [each["data"] for each in documents if each["kind"] == "ConfigMap"]
    return documents, {name: json.loads(text) for name, text in found.items()}


def test_a_runtime_gets_the_settings_that_it_needs_and_none_that_it_does_not_know(made_by_pipeline, monkeypatch):
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    pod = made_by_pipeline[1]["runtime.json"]["pod"]
    told = manifests.variables(pod["spec"]["containers"][0])
    environment = {name: SECRETS[name] if value is None else value for name, value in told.items()}

    assert refused_settings("serving", {**environment, "FP_SERVING_TEAM": "risk"}) == []


@pytest.mark.parametrize("kind", ["runtime", "job"])
def test_what_pipeline_makes_is_restricted_and_has_no_token(made_by_pipeline, kind):
    template = made_by_pipeline[1][f"{kind}.json"]["pod"]
    planted = {"kind": "Deployment", "metadata": {"name": kind}, "spec": {"template": template}}

    assert list(manifests.unrestricted([planted])) == []
    template["spec"]["automountServiceAccountToken"] = True
    assert list(manifests.unrestricted([planted])) == [f"Deployment/{kind}: has a token for the API server"]
    template["spec"]["automountServiceAccountToken"] = False


def test_a_job_reaches_names_the_edge_and_files_and_nothing_else(made_by_pipeline):
    [policy] = [
        each["spec"]
        for each in made_by_pipeline[0]
        if each["metadata"].get("namespace") == "fp-jobs" and each["kind"] == "NetworkPolicy"
    ]

    reached = {
        (str(peer.get("podSelector", {}).get("matchLabels")), rule["ports"][0]["port"])
        for rule in policy["egress"]
        for peer in rule["to"]
    }

    assert reached == {
        ("None", 53),
        ("{'forgepoint.io/program': 'edge'}", 8000),
        ("{'forgepoint.io/store': 's3'}", 8333),
    }
    assert "ingress" not in policy
    assert policy["podSelector"] == {}


def test_a_team_with_values_has_an_account_a_class_and_a_quota_of_its_own(made_by_pipeline):
    documents, read = made_by_pipeline
    own = read["job.json"]["teams"]["risk"]

    named = {(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) for each in documents}
    assert ("ServiceAccount", own["serviceAccountName"], "fp-jobs") in named
    assert ("PriorityClass", own["priorityClassName"], None) in named
    [quota] = [each["spec"] for each in documents if each["kind"] == "ResourceQuota"]
    assert quota["scopeSelector"]["matchExpressions"][0]["values"] == [own["priorityClassName"]]
    assert own != read["runtime.json"]["teams"]["risk"]


async def test_kubernetes_takes_what_pipeline_makes_of_a_version_and_no_update_of_it_leaves_a_gap(made_by_pipeline):
    """The Deployment, the Service, the autoscaler and the budget of a version with two to five runtimes."""
    read, server = made_by_pipeline[1]["runtime.json"], FakeApiServer()
    keeper = KubernetesRuntimes(server.cluster(read["namespace"]), Workload(read["namespace"], read["pod"]))

    await keeper.start("runtime-1", RuntimeSpec("risk", "id-of-3", "flight delay", "3", replicas=Replicas(2, 5, 60)))

    objects = list(server.objects.values())
    assert sorted(each["kind"] for each in objects) == [
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Service",
    ]
    # The API server gives each a uid, which its strict schema has where objects name their owner.
    chart.conform(yaml.safe_dump_all(objects))
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    [scaler] = [each["spec"] for each in objects if each["kind"] == "HorizontalPodAutoscaler"]
    counted = {**deployment, "spec": {**deployment["spec"], "replicas": 2}}
    for rule in (manifests.missing_probes, manifests.gaps_in_updates, manifests.short_drains, manifests.unrestricted):
        assert list(rule([counted])) == []
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    # Of what is asked for: without it the autoscaler knows no part of it.
    assert deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def test_rights_are_in_the_two_namespaces_and_of_pipeline_alone(made_by_pipeline):
    documents, _ = made_by_pipeline

    bindings = [each for each in documents if each["kind"] == "RoleBinding"]
    assert {each["metadata"]["namespace"] for each in bindings} == {"fp-jobs", "fp-runtimes"}
    assert {subject["name"] for each in bindings for subject in each["subjects"]} == {"pipeline"}
    assert not [each for each in documents if each["kind"].startswith("ClusterRole")]


def test_jobs_may_run_in_a_cluster_what_they_may_on_a_laptop(made_by_pipeline):
    """The platform's own among them: a backtest names no module (ADR 0241), and was refused without."""
    [pipeline] = [each for each in made_by_pipeline[0] if (each["kind"], each["metadata"]["name"]) == PIPELINE]
    told = manifests.variables(pipeline["spec"]["template"]["spec"]["containers"][0])["FP_PIPELINE_JOB_MODULES"]
    platform = tomllib.loads((ROOT / "deploy" / "platform" / "src" / "fp_platform" / "services.toml").read_text())

    assert modules(told).allow(backtest.MODULE)
    assert modules(told) == modules(platform["services"]["pipeline"]["defaults"]["FP_PIPELINE_JOB_MODULES"])
