"""Where no registry of the world is reached: prefix, pull secrets, a private authority and a proxy are values."""

import json
from pathlib import Path

import chart
import chart_facts
import pytest
import store_facts
from rules import manifests

ROOT = Path(__file__).resolve().parents[2]
CHART, STORES = ROOT / chart_facts.CHART, ROOT / store_facts.CHART
PREFIX = "registry.internal:5000/mirror/forgepoint"
OWN = (f"image.registry={PREFIX}", "image.pullSecrets={mirror}", "image.tag=1.2.3")
PEM = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"


@pytest.fixture(scope="module")
def pods():
    """Of the release, of hooks and tests, and those that pipeline makes."""
    settings = (*OWN, f"authorities={PEM}", "services.inference.leftBehind={1}")
    documents = chart.parsed(chart.rendered(CHART, CHART / "values-kind.yaml", *settings))
    found = dict(manifests.pods(documents))
    [workloads] = [each["data"] for each in documents if each["metadata"]["name"] == "workloads"]
    return {**found, **{name: json.loads(text)["pod"] for name, text in workloads.items()}}


def test_every_image_is_of_the_mirror_and_pulled_with_its_secret(pods):
    assert {"Job/preflight", "Job/auth-migrate", "Pod/reached", "runtime.json", "job.json"} <= set(pods)
    for owner, pod in pods.items():
        assert pod["spec"]["imagePullSecrets"] == [{"name": "mirror"}], owner
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            assert container["image"].startswith(f"{PREFIX}/"), owner
            assert container["image"].endswith(":1.2.3"), owner


def test_every_program_trusts_the_private_authority(pods):
    trusting = {
        owner
        for owner, pod in pods.items()
        if manifests.variables(pod["spec"]["containers"][0]).get("SSL_CERT_FILE")
        == "/etc/forgepoint/authorities/system.crt"
    }

    assert trusting == set(pods)


def test_the_stores_come_from_the_mirror_too():
    found = dict(manifests.pods(chart.parsed(chart.rendered(STORES, None, *OWN))))

    assert len(found) == 4
    for pod in found.values():
        assert pod["spec"]["imagePullSecrets"] == [{"name": "mirror"}]
        assert pod["spec"]["containers"][0]["image"] == f"{PREFIX}/stores:1.2.3"
