"""Each rule of tools/rules/manifests.py finds its fault in the rendered chart."""

from pathlib import Path

import chart
import pytest
from chart_manifests import container, workload
from rules import manifests

ROOT = Path(__file__).resolve().parents[2]


def wrong_port(found):
    found["Service", "auth"]["spec"]["ports"][0]["port"] = 9091


def unheard_port(found):
    container(found, "auth")["ports"][0]["containerPort"] = 9091


def no_readiness(found):
    del container(found, "inference")["readinessProbe"]


def probe_of_no_port(found):
    container(found, "edge")["livenessProbe"] = {"tcpSocket": {"port": "admin"}}


def latest(found):
    container(found, "monitor")["image"] = "forgepoint.local/monitor:latest"


def no_tag(found):
    container(found, "monitor")["image"] = "forgepoint.local/monitor"


def unlisted_image(found):
    found["Job", "streams"]["spec"]["template"]["spec"]["containers"][0]["image"] = "forgepoint.local/stream:0.1.0"


def root_user(found):
    workload(found, "gateway")["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] = False


def writable_root(found):
    container(found, "gateway")["securityContext"]["readOnlyRootFilesystem"] = False


def unbounded_memory(found):
    del container(found, "gateway")["resources"]["limits"]


def a_path_of_the_node(found):
    workload(found, "gateway")["spec"]["template"]["spec"]["volumes"].append(
        {"name": "host", "hostPath": {"path": "/"}}
    )


def a_token(found):
    del workload(found, "billing")["spec"]["template"]["spec"]["automountServiceAccountToken"]


def a_file_that_is_not_there(found):
    container(found, "billing")["env"].append({"name": "FP_NATS_CA_FILE", "value": "/etc/forgepoint/nats.crt"})


def a_mount_of_nothing(found):
    container(found, "billing")["volumeMounts"].append({"name": "tls", "mountPath": "/etc/forgepoint/tls"})


def two_without_a_budget(found):
    workload(found, "registry")["spec"]["replicas"] = 2


def one_with_a_budget(found):
    found["PodDisruptionBudget", "auth"]["metadata"]["name"] = "registry"


def stopped_before_the_next_is_ready(found):
    workload(found, "auth")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = 1


def all_on_one_node(found):
    del workload(found, "auth")["spec"]["template"]["spec"]["topologySpreadConstraints"]


def spread_by_others_labels(found):
    for each in workload(found, "auth")["spec"]["template"]["spec"]["topologySpreadConstraints"]:
        each["labelSelector"]["matchLabels"]["forgepoint.io/program"] = "registry"


def killed_while_draining(found):
    workload(found, "auth")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 30


def no_drain(found):
    del container(found, "edge")["lifecycle"]


def undeclared_call(found):
    container(found, "experiment")["env"].append({"name": "FP_BILLING_ADDR", "value": "billing:9090"})


def nobody_behind_an_address(found):
    container(found, "experiment")["env"].append({"name": "FP_AI_ADDR", "value": "ai:9090"})


def one_side_closed(found):
    found["NetworkPolicy", "auth"]["spec"]["ingress"] = []


def no_policy(found):
    workload(found, "auth")["spec"]["template"]["metadata"]["labels"]["forgepoint.io/program"] = "other"


def open_egress(found):
    found["NetworkPolicy", "default-deny"]["spec"]["policyTypes"] = ["Ingress"]


FAULTS = {
    wrong_port: "Service/auth: port 9091 is not grpc",
    unheard_port: "no setting makes it listen on grpc 9091",
    no_readiness: "StatefulSet/inference: readinessProbe",
    probe_of_no_port: "Deployment/edge: livenessProbe",
    latest: "names no version",
    no_tag: "names no version",
    unlisted_image: "stream is no image",
    root_user: "Deployment/gateway: may run as root",
    writable_root: "may do more than it needs",
    unbounded_memory: "may take all memory",
    a_path_of_the_node: "mounts a path of its node",
    a_token: "Deployment/billing: has a token",
    a_file_that_is_not_there: "FP_NATS_CA_FILE names /etc/forgepoint/nats.crt, where nothing is mounted",
    a_mount_of_nothing: "Deployment/billing: tls is no volume",
    two_without_a_budget: "Deployment/registry: 2 replicas",
    one_with_a_budget: "Deployment/registry: 1 replicas and a wrong disruption budget",
    stopped_before_the_next_is_ready: "Deployment/auth: an old pod stops before a new one is ready",
    all_on_one_node: "Deployment/auth: its replicas are not spread over nodes and zones",
    spread_by_others_labels: "Deployment/auth: its replicas are not spread over nodes and zones",
    killed_while_draining: "Deployment/auth: is killed before it has drained",
    no_drain: "Deployment/edge: is killed before it has drained",
    undeclared_call: "Deployment/experiment: its network policy does not let it reach billing:9090",
    nobody_behind_an_address: "names ai, which is no Service",
    one_side_closed: "the network policy of auth does not let it in on 9090",
    no_policy: "has not exactly one network policy of its own",
    open_egress: "denies nothing in one direction",
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(planted, plant):
    whole, found = planted
    assert manifests.findings(whole, chart.images(ROOT)) == []

    plant(found)

    assert FAULTS[plant] in "\n".join(manifests.findings(whole, chart.images(ROOT)))


def test_a_secret_in_the_release_is_found(rendered):
    secret = {"kind": "Secret", "metadata": {"name": "forgepoint-auth"}}

    assert list(manifests.rendered_secrets([*rendered, secret])) == [
        "Secret/forgepoint-auth: a secret stands in the release"
    ]
