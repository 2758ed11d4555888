"""Whom runtimes and jobs reach, with the chart's policies and the real enforcer.

The API server is not asked for: here it is the pods' own node, to which no policy of this enforcer stands in the way.
"""

from pathlib import Path

import chart
import chart_facts
import pytest
from pods import knocking

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
RELEASE, JOBS, RUNTIMES = "walls", "walls-jobs", "walls-runtimes"
PORTS = {"edge": [8000, 8080], "auth": [8080, 9090], "registry": [9090], "inference": [9090], "s3": [8333]}


@pytest.fixture(scope="module")
def addresses(cluster):
    """By program: where its pod is."""
    settings = (f"jobs.namespace={JOBS}", f"runtimes.namespace={RUNTIMES}")
    rendered = chart.parsed(chart.rendered(CHART, CHART / "values-kind.yaml", *settings, namespace=RELEASE))
    policies = [each for each in rendered if each["kind"] == "NetworkPolicy"]
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (RELEASE, JOBS, RUNTIMES)
    ]
    pods = [placed(noun, RELEASE, ports) for noun, ports in PORTS.items()]
    pods += [placed("job", JOBS, [9000]), placed("serving", RUNTIMES, [9090, 9100])]
    cluster.apply(spaces)
    cluster.apply([*({**each, "metadata": {"namespace": RELEASE, **each["metadata"]}} for each in policies), *pods])
    for pod in pods:
        name, space = pod["metadata"]["name"], pod["metadata"]["namespace"]
        cluster.kubectl("--namespace", space, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=300s")
    yield {
        noun: ip for space in (RELEASE, JOBS, RUNTIMES) for noun, ip in cluster.addresses(space, "walls/noun").items()
    }
    cluster.kubectl("delete", "namespace", RELEASE, JOBS, RUNTIMES, "--wait=true", "--timeout=300s")


def placed(noun, space, ports):
    """A store is no part of the release, which denies for it: its own chart has its policies."""
    ours = {"app.kubernetes.io/part-of": "forgepoint", "forgepoint.io/program": noun}
    pod = knocking(noun, {"walls/noun": noun, **({"forgepoint.io/store": noun} if noun == "s3" else ours)}, ports)
    pod["metadata"]["namespace"] = space
    return pod


@pytest.mark.parametrize(
    ("space", "caller", "lets"),
    [
        (JOBS, "job", {"edge:8000", "s3:8333"}),
        (RUNTIMES, "serving", {"auth:8080", "auth:9090", "registry:9090", "s3:8333"}),
        (RELEASE, "inference", {"auth:8080", "auth:9090", "serving:9090", "serving:9100"}),
        (RELEASE, "edge", {"auth:9090", "registry:9090", "inference:9090"}),
    ],
)
def test_each_reaches_what_it_calls_and_nothing_else(cluster, addresses, space, caller, lets):
    everything = {**PORTS, "job": [9000], "serving": [9090, 9100]}
    named = {
        f"{addresses[noun]}:{port}": f"{noun}:{port}"
        for noun, ports in everything.items()
        for port in ports
        if noun != caller
    }

    wanted = {target for target, name in named.items() if name in lets}

    assert cluster.reached(space, caller, list(named), wanted) == wanted
