from fp_gateway.client_address import ClientAddressHeaders
from fp_gateway.trusted_proxies import TrustedProxies, parse_networks


class Credential:
    def __init__(self, present: str) -> None:
        self.present = present


EDGE = "what only the edge and the gateway know"


def headers(peer, forwarded="", *, proof="t", proxies="", **sent):
    trusted = TrustedProxies(parse_networks(proxies))
    told = {name.replace("_", "-"): value for name, value in sent.items()}
    return ClientAddressHeaders(Credential(proof), trusted, EDGE).headers(peer, {"x-forwarded-for": forwarded, **told})


def test_the_address_goes_with_the_proof_and_without_one_alone():
    assert headers("10.1.2.3") == [("fp-client-address", "10.1.2.3"), ("fp-forwarded-by", "t")]
    assert headers("10.1.2.3", proof="") == [("fp-client-address", "10.1.2.3")]
    assert headers("") == []


def test_a_proxy_that_is_trusted_says_whom_it_serves():
    assert headers("10.1.2.3", "203.0.113.9", proof="", proxies="10.0.0.0/8") == [("fp-client-address", "203.0.113.9")]
    assert headers("10.1.2.3", "203.0.113.9", proof="") == [("fp-client-address", "10.1.2.3")]


def test_the_edge_says_whom_it_serves_and_nobody_else_does():
    told = {"fp_client_address": "203.0.113.9", "proof": ""}

    assert headers("10.1.2.3", **told, fp_forwarded_by=EDGE) == [("fp-client-address", "203.0.113.9")]
    assert headers("10.1.2.3", **told, fp_forwarded_by="a guess") == [("fp-client-address", "10.1.2.3")]
    assert headers("10.1.2.3", **told) == [("fp-client-address", "10.1.2.3")]


def test_without_an_edge_an_empty_proof_proves_nothing():
    trusted = TrustedProxies(parse_networks(""))
    told = {"fp-client-address": "203.0.113.9", "fp-forwarded-by": ""}

    assert ClientAddressHeaders(Credential(""), trusted).headers("10.1.2.3", told) == [
        ("fp-client-address", "10.1.2.3")
    ]
