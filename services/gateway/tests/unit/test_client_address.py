from fp_gateway.client_address import ClientAddressHeaders
from fp_gateway.trusted_proxies import TrustedProxies, parse_networks


class Credential:
    def __init__(self, present: str) -> None:
        self.present = present


def headers(peer, forwarded="", *, proof="t", proxies=""):
    return ClientAddressHeaders(Credential(proof), TrustedProxies(parse_networks(proxies))).headers(peer, forwarded)


def test_the_address_goes_with_the_proof_and_without_one_alone():
    assert headers("10.1.2.3") == [("fp-client-address", "10.1.2.3"), ("fp-forwarded-by", "t")]
    assert headers("10.1.2.3", proof="") == [("fp-client-address", "10.1.2.3")]
    assert headers("") == []


def test_a_proxy_that_is_trusted_says_whom_it_serves():
    assert headers("10.1.2.3", "203.0.113.9", proof="", proxies="10.0.0.0/8") == [("fp-client-address", "203.0.113.9")]
    assert headers("10.1.2.3", "203.0.113.9", proof="") == [("fp-client-address", "10.1.2.3")]
