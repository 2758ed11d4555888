import json
import re

import pytest
from fp_edge import template
from fp_edge.settings import EdgeSettings
from pydantic import ValidationError

NOUNS = [
    "auth",
    "registry",
    "inference",
    "pipeline",
    "featurestore",
    "experiment",
    "billing",
    "notification",
    "monitor",
    "gateway",
]
PROOFS = ",".join(f"{noun}=proof-of-{noun}" for noun in NOUNS)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for noun in (*NOUNS, "gateway_http"):
        monkeypatch.setenv(f"FP_{noun.upper()}_ADDR", f"{noun.replace('_', '-')}:9090")
    monkeypatch.setenv("FP_EDGE_PROOFS", PROOFS)


def filled():
    return {name: json.loads(text) for name, text in template.filled(EdgeSettings().values()).items()}


def cluster(name):
    return next(each for each in filled()["clusters.json"]["resources"] if each["name"] == name)


def manager():
    return filled()["listeners.json"]["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def test_nothing_is_left_to_fill():
    for text in template.filled(EdgeSettings().values()).values():
        assert not re.search(r'"\$when"|"\{[a-z_.]+\}"', text)


def test_each_address_is_a_replica(monkeypatch):
    monkeypatch.setenv("FP_AUTH_ADDR", "auth-0:1, [::1]:2")
    endpoints = cluster("auth")["load_assignment"]["endpoints"][0]["lb_endpoints"]

    assert [each["endpoint"]["address"]["socket_address"] for each in endpoints] == [
        {"address": "auth-0", "port_value": 1},
        {"address": "::1", "port_value": 2},
    ]


def test_a_service_is_sent_its_own_proof_and_no_other():
    text = json.dumps(cluster("billing"))

    assert "proof-of-billing" in text
    assert not [noun for noun in NOUNS if noun != "billing" and f"proof-of-{noun}" in text]


def test_a_port_and_the_hops_are_numbers(monkeypatch):
    monkeypatch.setenv("FP_EDGE_TRUSTED_HOPS", "2")
    monkeypatch.setenv("FP_EDGE_PORT", "443")

    assert manager()["xff_num_trusted_hops"] == 2
    assert filled()["listeners.json"]["resources"][0]["address"]["socket_address"]["port_value"] == 443


@pytest.mark.parametrize(("chosen", "logs", "filters"), [("all", 1, 0), ("failed", 1, 1), ("none", 0, 0)])
def test_the_access_log_is_as_wished(monkeypatch, chosen, logs, filters):
    monkeypatch.setenv("FP_EDGE_ACCESS_LOG", chosen)
    found = manager()["access_log"]

    assert (len(found), sum("filter" in log for log in found)) == (logs, filters)


def test_reflection_has_a_route_only_by_its_flag(monkeypatch):
    def prefixes():
        routes = filled()["routes.json"]["resources"][0]["virtual_hosts"][0]["routes"]
        return [route["match"].get("prefix") for route in routes]

    assert "/grpc.reflection." not in prefixes()
    monkeypatch.setenv("FP_REFLECTION", "true")
    assert "/grpc.reflection." in prefixes()


def test_no_page_may_call_unless_it_is_named(monkeypatch):
    def origins():
        host = filled()["routes.json"]["resources"][0]["virtual_hosts"][0]
        return host["typed_per_filter_config"]["envoy.filters.http.cors"]["allow_origin_string_match"]

    assert origins() == []
    monkeypatch.setenv("FP_EDGE_CORS_ORIGINS", "https://a.example, https://b.example")
    assert origins() == [{"exact": "https://a.example"}, {"exact": "https://b.example"}]


@pytest.mark.parametrize(
    ("name", "value"), [("FP_AUTH_ADDR", ""), ("FP_EDGE_TRUSTED_HOPS", "-1"), ("FP_EDGE_ACCESS_LOG", "some")]
)
def test_a_wrong_setting_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        EdgeSettings()
