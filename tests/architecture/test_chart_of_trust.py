"""TLS between pods, to stores, and at the edge; routes of a gateway."""

import json
from pathlib import Path

import chart
import chart_facts
import pytest
from chart_manifests import workload
from chart_settings import FACTS, SECRETS, refused_settings
from fp_devstack.hosted import certificates
from fp_testkit.wallclock import StandingClock
from rules import manifests

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
GATEWAY, KIND = CHART / "values-gateway.yaml", CHART / "values-kind.yaml"
RESIDENT = [noun for noun, program in FACTS.items() if program["resident"]]
PEM = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"
TRUSTED = [f"stores.{store}.authorities={PEM}" for store in ("postgres", "nats", "valkey")]
TLS = ("tls.enabled=true", "publicUrl=https://forgepoint.example.com")


def by_name(text):
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
        for each in chart.parsed(text)
    }


@pytest.fixture(scope="module")
def secure():
    """With mutual TLS, stores of an authority of their own, and routes of a gateway."""
    return by_name(chart.rendered(CHART, GATEWAY, *TRUSTED, f"authorities={PEM}", f"stores.s3.authorities={PEM}"))


def found(secure, noun):
    return workload({(kind, name): each for (kind, namespace, name), each in secure.items() if not namespace}, noun)


def environment(container):
    return {name: SECRETS[name] if value is None else value for name, value in manifests.variables(container).items()}


@pytest.mark.parametrize("noun", RESIDENT)
def test_a_program_with_certificates_knows_all_of_its_settings(secure, monkeypatch, noun, tmp_path):
    """Files are there when it starts; here one stands for each of them."""
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "pem"
    file.touch()
    [container] = found(secure, noun)["spec"]["template"]["spec"]["containers"]
    given = {
        name: str(file) if name.endswith("_FILE") else value.replace("http://s3", "https://s3")
        for name, value in environment(container).items()
    }

    # OpenSSL's own.
    assert refused_settings(noun, given) == (["SSL_CERT_FILE"] if "SSL_CERT_FILE" in given else [])
    assert {"FP_TLS_CERT_FILE", "FP_TLS_KEY_FILE", "FP_TLS_CA_FILE"} <= set(given)


def test_each_program_has_a_certificate_for_its_own_name_where_its_pods_are(secure):
    """As ADR 0195 has them: the URI says who calls, the name is what clients verify."""
    certificates = {key: each["spec"] for key, each in secure.items() if key[0] == "Certificate"}

    for noun, program in FACTS.items():
        spec = certificates["Certificate", "" if program["resident"] else "fp-runtimes", noun]
        assert spec["uris"] == [f"spiffe://forgepoint/{noun}"]
        assert spec["dnsNames"][0] == noun
        assert {"server auth", "client auth"} <= set(spec["usages"])
        assert spec["secretName"] == f"forgepoint-tls-{noun}"


def test_a_job_gets_the_authority_and_no_certificate(secure):
    job = json.loads(secure["ConfigMap", "", "workloads"]["data"]["job.json"])["pod"]["spec"]
    [volume] = [each["secret"] for each in job["volumes"] if each["name"] == "platform"]

    assert volume["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    assert manifests.variables(job["containers"][0])["FP_CA_FILE"] == "/etc/forgepoint/platform/ca.crt"
    carrier = secure["Certificate", "fp-jobs", "jobs"]["spec"]
    assert "uris" not in carrier
    assert carrier["usages"] == ["digital signature"]


def test_a_runtime_has_its_certificate_and_verifies_the_object_store(secure):
    runtime = json.loads(secure["ConfigMap", "", "workloads"]["data"]["runtime.json"])["pod"]["spec"]
    told = manifests.variables(runtime["containers"][0])

    assert told["FP_S3_CA_FILE"] == "/etc/forgepoint/authorities/s3.crt"
    assert told["FP_AUTH_ISSUER"] == "https://auth:8443"
    assert "forgepoint-tls-serving" in str(runtime["volumes"])
    assert secure["ConfigMap", "fp-runtimes", "authorities"]["data"]["s3.crt"].startswith("-----BEGIN")


def test_auths_keys_leave_the_port_that_probes_ask_in_clear_text(secure):
    told = manifests.variables(found(secure, "billing")["spec"]["template"]["spec"]["containers"][0])
    ports = secure["NetworkPolicy", "", "auth"]["spec"]["ingress"]

    assert told["FP_AUTH_ISSUER"] == "https://auth:8443"
    of_billing = next(rule for rule in ports if "billing" in str(rule["from"]))
    assert [each["port"] for each in of_billing["ports"]] == [9090, 8443]


def test_hooks_verify_the_stores_by_files_that_come_before_them(secure):
    for name, setting in (("auth-migrate", "FP_DATABASE_CA_FILE"), ("streams", "FP_NATS_CA_FILE")):
        spec = secure["Job", "", name]["spec"]["template"]["spec"]
        assert manifests.variables(spec["containers"][0])[setting].startswith("/etc/forgepoint/authorities/")
        assert "FP_TLS_CERT_FILE" not in manifests.variables(spec["containers"][0])
        assert spec["volumes"] == [{"name": "authorities", "configMap": {"name": "authorities-of-hooks"}}]
    annotations = secure["ConfigMap", "", "authorities-of-hooks"]["metadata"]["annotations"]
    assert int(annotations["helm.sh/hook-weight"]) < -5
    wanted = str(secure["Job", "", "preflight"]["spec"])
    assert all(
        name in wanted for name in ("FP_DATABASE_CA_FILE", "FP_NATS_CA_FILE", "FP_REDIS_CA_FILE", "FP_S3_CA_FILE")
    )


def test_secrets_that_are_there_already_stand_for_certificates():
    objects = by_name(
        chart.rendered(CHART, KIND, *TLS, "tls.certManager.enabled=false", "tls.publicSecret=of-the-world")
    )

    assert not [key for key in objects if key[0] in {"Certificate", "ClusterIssuer"}]
    edge = found(objects, "edge")["spec"]["template"]["spec"]
    assert manifests.variables(edge["containers"][0])["FP_EDGE_CERT_FILE"] == "/etc/forgepoint/public/tls.crt"
    assert {each["secret"]["secretName"] for each in edge["volumes"] if "secret" in each} == {
        "forgepoint-tls-edge",
        "of-the-world",
    }


def test_the_world_may_be_shown_a_certificate_of_another_issuer():
    objects = by_name(chart.rendered(CHART, KIND, *TLS, "tls.certManager.publicIssuerRef.name=acme"))

    public = objects["Certificate", "", "public"]["spec"]
    assert (public["issuerRef"]["name"], public["dnsNames"]) == ("acme", ["forgepoint.example.com"])
    assert objects["Certificate", "", "edge"]["spec"]["dnsNames"] == ["edge"]


def test_a_platform_that_is_reached_by_an_address_is_certified_for_it():
    text = chart.rendered(CHART, KIND, "tls.enabled=true", "publicUrl=https://192.0.2.7:30080")

    chart.conform(text)
    edge = by_name(text)["Certificate", "", "edge"]["spec"]
    assert (edge["dnsNames"], edge["ipAddresses"]) == (["edge"], ["192.0.2.7"])


def test_an_issuer_that_is_there_is_used_and_none_is_made():
    objects = by_name(chart.rendered(CHART, KIND, *TLS, "tls.certManager.issuerRef.name=company"))

    assert not [key for key in objects if key[0] == "ClusterIssuer"]
    assert {each["spec"]["issuerRef"]["name"] for key, each in objects.items() if key[0] == "Certificate"} == {
        "company"
    }


def test_without_tls_nothing_of_it_is_rendered():
    rendered = json.dumps(chart.parsed(chart.rendered(CHART, KIND)))

    assert "tls" not in rendered.lower()
    assert "authorities" not in rendered


def test_the_routes_lead_to_the_edge_by_hosts_that_differ(secure):
    http, grpc = secure["HTTPRoute", "", "edge"]["spec"], secure["GRPCRoute", "", "edge"]["spec"]

    assert not set(http["hostnames"]) & set(grpc["hostnames"])
    for route in (http, grpc):
        assert route["rules"][0]["backendRefs"] == [{"name": "edge", "port": 8000}]
        assert route["parentRefs"] == [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    assert secure["BackendTLSPolicy", "", "edge"]["spec"]["validation"]["hostname"] == "edge"


def test_behind_a_gateway_its_pods_alone_may_say_whose_call_it_is(secure):
    told = manifests.variables(found(secure, "edge")["spec"]["template"]["spec"]["containers"][0])
    ingress = secure["NetworkPolicy", "", "edge"]["spec"]["ingress"]

    assert told["FP_EDGE_TRUSTED_HOPS"] == "1"
    assert all(rule.get("from") for rule in ingress)


def test_without_a_gateway_no_hop_is_believed():
    objects = by_name(chart.rendered(CHART, KIND))

    assert "FP_EDGE_TRUSTED_HOPS" not in str(found(objects, "edge"))
    assert not [key for key in objects if key[0].endswith("Route")]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (["edge.gateway.grpcHostnames={forgepoint.example.com}"], "is a host of both routes"),
        (["edge.gateway.peers=null"], "peers is missing"),
        (["edge.gateway.parentRefs=null"], "parentRefs is missing"),
        (["edge.gateway.authorityConfigMap="], "authorityConfigMap is missing"),
        (["publicUrl=http://forgepoint.example.com"], "publicUrl must begin with https://"),
        ([f"stores.s3.authorities={PEM}"], "authorities is missing"),
        (["stores.nats.authorities=/etc/ssl/ca.pem"], "stores/nats/authorities"),
        (["tls.certManager.issuerRef.kind=Issuer"], "must be .*ClusterIssuer"),
    ],
)
def test_values_that_could_not_be_trusted_are_refused(settings, reason):
    with pytest.raises(chart.Refused, match=reason):
        chart.rendered(CHART, GATEWAY, *settings)


def test_a_proxy_is_for_those_who_call_outside(secure):
    objects = by_name(
        chart.rendered(CHART, KIND, "proxy.url=http://proxy:3128", "proxy.to[0].podSelector.matchLabels.a=b")
    )

    told = {
        noun: manifests.variables(found(objects, noun)["spec"]["template"]["spec"]["containers"][0]).get("HTTPS_PROXY")
        for noun in ("auth", "billing")
    }
    assert told == {"auth": "http://proxy:3128", "billing": None}
    assert {"ports": [{"port": 3128}], "to": [{"podSelector": {"matchLabels": {"a": "b"}}}]} in objects[
        "NetworkPolicy", "", "auth"
    ]["spec"]["egress"]


def test_the_command_for_clusters_without_cert_manager_makes_each_secret_that_is_mounted(tmp_path):
    objects = by_name(chart.rendered(CHART, KIND, *TLS, "tls.certManager.enabled=false"))
    read = {name: json.loads(text)["pod"] for name, text in objects["ConfigMap", "", "workloads"]["data"].items()}
    made = {
        each["metadata"]["name"]: set(each["stringData"])
        for program in ("", "serving", "jobs")
        for each in certificates.manifests(tmp_path, "forgepoint-tls-", "localhost", StandingClock(), program)
    }

    wanted = {}
    for pod in (*dict(manifests.pods(list(objects.values()))).values(), *read.values()):
        for volume in pod["spec"].get("volumes", ()):
            if volume.get("secret", {}).get("secretName", "").startswith("forgepoint-tls-"):
                keys = {item["key"] for item in volume["secret"]["items"]}
                wanted.setdefault(volume["secret"]["secretName"], set()).update(keys)

    assert set(wanted) == set(made)
    assert {name for name, keys in wanted.items() if not keys <= made[name]} == set()
