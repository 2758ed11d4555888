"""The chart meets a real API server, and its network policies a real network."""

import copy
import json
from pathlib import Path

import chart
import chart_facts
import pytest
from pods import knocking

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
PLATFORM = json.loads((ROOT / chart_facts.FILE).read_text())
PROGRAM = "forgepoint.io/program"
PORTS = PLATFORM["ports"]
# Runtimes are in a namespace of their own: test_network_of_workloads.py.
RESIDENT = [noun for noun, program in PLATFORM["programs"].items() if program["resident"]]


@pytest.fixture(scope="module")
def manifests():
    return chart.parsed(chart.rendered(CHART, CHART / "values-kind.yaml"))


def dry_run(cluster, namespace, manifests):
    """What the API server says to them, without keeping any: return code, and warnings with refusals.

    All of them in one namespace: those of runtimes and jobs would not be there.
    """
    text = "\n---\n".join(json.dumps(_without_namespace(each)) for each in manifests)
    options = ("--dry-run=server", "--validate=strict", "--server-side")
    done = cluster.asked("--namespace", namespace, "apply", *options, "-f", "-", stdin=text)
    return done.returncode, done.stderr


def _without_namespace(manifest):
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "namespace"}
    return {**manifest, "metadata": metadata}


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
    pod = knocking("planted", {}, [PORTS["grpc"]])
    pod["spec"] |= planted

    code, said = dry_run(cluster, namespace, [pod])

    assert code
    assert 'violates PodSecurity "restricted' in said


@pytest.fixture(scope="module")
def everybody(cluster, namespace, manifests):
    """A pod for each program, one that is nobody's, and the chart's network policies; addresses by program."""
    pods = [
        knocking(noun, {"app.kubernetes.io/part-of": "forgepoint", PROGRAM: noun}, PORTS.values())
        for noun in (*RESIDENT, "stranger")
    ]
    policies = [each for each in manifests if each["kind"] == "NetworkPolicy"]
    for each in (*pods, *policies):
        each["metadata"]["namespace"] = namespace
    cluster.apply([*policies, *pods])
    cluster.kubectl("--namespace", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=300s")
    return cluster.addresses(namespace, PROGRAM)


def allowed(caller):
    """Program and port, as platform.json lets the caller go; the edge is open to whoever may leave."""
    calls = PLATFORM["programs"].get(caller, {"calls": {}})["calls"]
    return {(callee, PORTS[port]) for callee, ports in calls.items() if callee in RESIDENT for port in ports}


@pytest.mark.parametrize("caller", [*RESIDENT, "stranger"])
def test_a_program_reaches_whom_it_calls_and_nobody_else(cluster, namespace, everybody, caller):
    names = {
        f"{address}:{port}": (noun, port)
        for noun, address in everybody.items()
        if noun != caller
        for port in PORTS.values()
    }

    wanted = {target for target, place in names.items() if place in allowed(caller)}

    assert cluster.reached(namespace, caller, list(names), wanted) == wanted
