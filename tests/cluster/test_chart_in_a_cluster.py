"""The chart meets a real API server, which takes its objects and refuses what is not restricted."""

import copy
import json
from pathlib import Path

import chart
import chart_facts
import pytest
from pods import restricted

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART


@pytest.fixture(scope="module")
def manifests():
    return chart.parsed(chart.rendered(CHART, CHART / "values-kind.yaml"))


def dry_run(cluster, namespace, manifests):
    """What the API server says to them, without keeping any: return code, and warnings with refusals."""
    text = "\n---\n".join(json.dumps(each) for each in manifests)
    options = ("--dry-run=server", "--validate=strict", "--server-side")
    done = cluster.asked("--namespace", namespace, "apply", *options, "-f", "-", stdin=text)
    return done.returncode, done.stderr


def test_the_api_server_takes_every_object_and_warns_of_none(cluster, namespace, manifests):
    assert dry_run(cluster, namespace, manifests) == (0, "")


def test_a_workload_that_is_not_restricted_would_be_warned_of(cluster, namespace, manifests):
    planted = copy.deepcopy(next(each for each in manifests if each["kind"] == "Deployment"))
    planted["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True

    code, said = dry_run(cluster, namespace, [planted])

    assert code == 0
    assert "would violate PodSecurity" in said


@pytest.mark.parametrize(
    "planted",
    [{"hostNetwork": True}, {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, {"securityContext": {}}],
    ids=lambda planted: next(iter(planted)),
)
def test_a_pod_that_is_not_restricted_is_refused(cluster, namespace, planted):
    pod = restricted("planted")
    pod["spec"] |= planted

    code, said = dry_run(cluster, namespace, [pod])

    assert code
    assert 'violates PodSecurity "restricted' in said


def test_a_pod_that_may_do_nothing_runs(cluster, namespace):
    pod = restricted("allowed")
    pod["metadata"]["namespace"] = namespace

    cluster.apply([pod])

    cluster.kubectl("--namespace", namespace, "wait", "--for=condition=Ready", "pod/allowed", "--timeout=300s")
