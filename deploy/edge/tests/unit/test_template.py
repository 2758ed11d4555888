import json
import re

import fp_platform
import pytest
from fp_edge import template
from fp_edge.settings import EdgeSettings
from pydantic import ValidationError

NOUNS = fp_platform.services()["edge"]["peers"]
PROOFS = ",".join(f"{noun}=the-proof-of-{noun}" for noun in NOUNS)


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

    assert "the-proof-of-billing" in text
    assert not [noun for noun in NOUNS if noun != "billing" and f"the-proof-of-{noun}" in text]


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
    ("name", "value"),
    [
        ("FP_AUTH_ADDR", ""),
        ("FP_AUTH_ADDR", "auth"),
        ("FP_AUTH_ADDR", "http://auth:9090"),
        ("FP_EDGE_TRUSTED_HOPS", "-1"),
        ("FP_EDGE_ACCESS_LOG", "some"),
        ("FP_EDGE_PROOFS", PROOFS.replace("the-proof-of-auth", "short")),
        ("FP_EDGE_PROOFS", PROOFS.partition(",")[2]),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        EdgeSettings()


def with_certificates(monkeypatch):
    for name, file in (("CERT", "tls.crt"), ("KEY", "tls.key"), ("CA", "ca.crt")):
        monkeypatch.setenv(f"FP_TLS_{name}_FILE", f"/certificates/edge/{file}")


def test_without_certificates_nothing_speaks_tls():
    text = json.dumps(filled())
    assert "transport_sockets.tls.v3.DownstreamTlsContext" not in text
    assert "transport_sockets.tls.v3.UpstreamTlsContext" not in text


def test_each_service_is_verified_by_its_own_name_and_sees_the_edges_certificate(monkeypatch):
    with_certificates(monkeypatch)
    for noun in NOUNS:
        tls = cluster(noun)["transport_socket"]["typed_config"]
        names = tls["common_tls_context"]["combined_validation_context"]["default_validation_context"]
        assert names["match_typed_subject_alt_names"] == [
            {"san_type": "URI", "matcher": {"exact": f"spiffe://forgepoint/{noun}"}}
        ]
        assert tls["common_tls_context"]["tls_certificate_sds_secret_configs"][0]["name"] == "own"
    (own,) = filled()["secret_own.json"]["resources"]
    assert own["tls_certificate"]["watched_directory"] == {"path": "/certificates/edge"}


def test_the_public_certificate_may_be_another_one(monkeypatch):
    with_certificates(monkeypatch)
    monkeypatch.setenv("FP_EDGE_CERT_FILE", "/public/tls.crt")
    monkeypatch.setenv("FP_EDGE_KEY_FILE", "/public/tls.key")

    def chain(name):
        (secret,) = filled()[f"secret_{name}.json"]["resources"]
        return secret["tls_certificate"]["certificate_chain"]["filename"]

    assert (chain("public"), chain("own")) == ("/public/tls.crt", "/certificates/edge/tls.crt")


@pytest.mark.parametrize("missing", ["FP_TLS_CERT_FILE", "FP_TLS_KEY_FILE", "FP_TLS_CA_FILE"])
def test_a_part_of_the_certificates_is_never_clear_text(monkeypatch, missing):
    with_certificates(monkeypatch)
    monkeypatch.delenv(missing)
    with pytest.raises(ValidationError):
        EdgeSettings()


def test_the_public_address_may_be_wider_than_that_of_the_probes(monkeypatch):
    monkeypatch.setenv("FP_BIND_HOST", "127.0.0.1")
    monkeypatch.setenv("FP_EDGE_HOST", "0.0.0.0")
    public, probes = (each["address"]["socket_address"] for each in filled()["listeners.json"]["resources"])
    assert (public["address"], probes["address"]) == ("0.0.0.0", "127.0.0.1")
