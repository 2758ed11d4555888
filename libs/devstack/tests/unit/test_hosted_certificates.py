"""Certificates for a cluster without cert-manager: those that the chart mounts."""

from datetime import timedelta

import pytest
from cryptography import x509
from fp_devstack.hosted import certificates
from fp_testkit.clock import ManualClock

HOST = "forgepoint.example.com"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def secrets(tmp_path, clock):
    """Data by the name of the secret."""

    def of(program=""):
        found = certificates.manifests(tmp_path, "tls-", HOST, clock, program)
        return {each["metadata"]["name"]: each["stringData"] for each in found}

    return of


def names(text):
    found = x509.load_pem_x509_certificate(text.encode()).extensions
    alternatives = found.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in alternatives}


def test_each_program_is_certified_for_its_noun_and_the_edge_for_the_world_too(secrets):
    found = secrets() | secrets("serving")

    for noun in ("auth", "inference", "gateway", "serving"):
        assert names(found[f"tls-{noun}"]["tls.crt"]) == {f"spiffe://forgepoint/{noun}", noun}
    assert HOST in names(found["tls-edge"]["tls.crt"])
    assert {text["ca.crt"] for text in found.values()} == {found["tls-auth"]["ca.crt"]}


def test_a_second_call_gives_the_same_and_one_in_the_last_month_others(secrets, clock):
    first = secrets()
    assert secrets() == first

    clock.advance(timedelta(days=61).total_seconds())

    renewed = secrets()
    assert renewed["tls-auth"]["tls.crt"] != first["tls-auth"]["tls.crt"]
    assert renewed["tls-auth"]["ca.crt"] == first["tls-auth"]["ca.crt"]


def test_jobs_get_the_authority_and_no_key(secrets):
    assert secrets("jobs") == {"tls-jobs": {"ca.crt": secrets()["tls-auth"]["ca.crt"]}}


def test_those_of_other_namespaces_are_asked_for_by_name(secrets):
    assert "tls-serving" not in secrets()
    assert "tls-jobs" not in secrets()
