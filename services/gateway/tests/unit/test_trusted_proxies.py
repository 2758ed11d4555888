"""Whose word about a client's address counts."""

import pytest
from fp_gateway.settings import GatewaySettings
from fp_gateway.trusted_proxies import TrustedProxies, parse_networks

PROXIES = TrustedProxies(parse_networks("10.0.0.0/8, 2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # Without a proxy in front nobody is believed, whatever he writes.
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", "", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        # What the client wrote himself lies left of what the proxy added.
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        # Two proxies of ours: the rightmost hop that is none of them.
        ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.7,10.0.0.2", "10.0.0.7"),
        ("2001:db8::1", "2001:db8::2, 192.0.2.7", "192.0.2.7"),
        # As some proxies write it.
        ("10.0.0.1", "203.0.113.9:51022", "203.0.113.9"),
        ("10.0.0.1", "[2a00::7]:443", "2a00::7"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        # No address: the last hop that is known.
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.9,", "10.0.0.1"),
    ],
)
def test_the_client_is_the_rightmost_hop_that_is_no_proxy_of_ours(peer, forwarded, client):
    assert PROXIES.client(peer, forwarded) == client


def test_without_trusted_proxies_the_connection_says_where_the_client_sits():
    assert TrustedProxies().client("10.0.0.1", "203.0.113.9") == "10.0.0.1"


def test_a_long_chain_is_read_only_so_far():
    assert PROXIES.client("10.0.0.1", "203.0.113.9," + ",".join(["10.0.0.2"] * 100_000)) == "10.0.0.2"


def test_the_setting_is_a_list_of_networks(monkeypatch):
    for name in ("AUTH", "REGISTRY", "INFERENCE", "PIPELINE"):
        monkeypatch.setenv(f"FP_{name}_ADDR", "localhost:1")
    for name, value in (
        ("AUTH_ISSUER", "http://localhost:1"),
        ("SERVICE_SECRET", "s" * 16),
        ("NATS_URL", "nats://n:1"),
    ):
        monkeypatch.setenv(f"FP_{name}", value)
    monkeypatch.setenv("FP_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.7")

    assert GatewaySettings().gateway_trusted_proxies == parse_networks("10.0.0.0/8,192.0.2.7")

    monkeypatch.setenv("FP_GATEWAY_TRUSTED_PROXIES", "everybody")
    with pytest.raises(ValueError, match="everybody"):
        GatewaySettings()
