"""`make check` names a fault of each kind, wherever in the chart somebody made it."""

import shutil
from pathlib import Path

import chart
import chart_facts
import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = chart_facts.CHART / "templates"


@pytest.fixture
def tree(tmp_path):
    """What the check reads, without the examples of values: one rendering shows the fault."""
    for name in (chart_facts.CHART.parent, Path("deploy/docker"), Path("deploy/platform/src/fp_platform")):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "values-*"))
    shutil.copy(ROOT / "deploy" / "topology.toml", tmp_path / "deploy")
    return tmp_path


def test_without_a_fault_it_says_nothing(tree):
    assert chart.faults(tree) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (TEMPLATES / "services.yaml", "port: {{ $port }}", "port: 9999", "Service/auth: port 9999 is not grpc of"),
        (
            TEMPLATES / "_probes.tpl",
            "readinessProbe:\n  httpGet: {path: /readyz, port: http}",
            "readinessProbe:\n  tcpSocket: {port: 8081}",
            "Deployment/auth: readinessProbe asks no port",
        ),
        (
            TEMPLATES / "_probes.tpl",
            (
                'livenessProbe: {{ toYaml (merge (dict "periodSeconds" 10 "failureThreshold" 6 "timeoutSeconds" 5) '
                "$live) | nindent 2 }}"
            ),
            "",
            "Deployment/auth: livenessProbe asks no port",
        ),
        (
            TEMPLATES / "_names.tpl",
            '{{- $_ := set $env "FP_HTTP_PORT"',
            '{{- $_ := set $env "FP_BILLING_ADDR" "billing:9090" }}\n{{- $_ := set $env "FP_HTTP_PORT"',
            "Deployment/experiment: its network policy does not let it reach billing:9090 of FP_BILLING_ADDR",
        ),
        (
            TEMPLATES / "_names.tpl",
            '{{ printf "%s:%s" $base $tag }}',
            "{{ $base }}:stable",
            "Deployment/auth: forgepoint.local/auth:stable names no version and no digest",
        ),
        (
            chart_facts.CHART / "values.yaml",
            "clusterDomain:",
            "clusterDomains: {}\nclusterDomain:",
            "additional properties 'clusterDomains' not allowed",
        ),
    ],
    ids=["port", "probe of no port", "probe", "call", "image", "setting"],
)
def test_a_planted_fault_of_each_kind_is_named(tree, file, old, new, said):
    text = (tree / file).read_text()
    assert old in text
    (tree / file).write_text(text.replace(old, new, 1))

    assert said in "\n".join(chart.faults(tree))
