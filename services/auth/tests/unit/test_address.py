from ipaddress import ip_network

import pytest
from fp_auth.api.address import client_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("ipv4:10.1.2.3:5000", "203.0.113.7", "203.0.113.7"),
        ("ipv4:10.1.2.3:5000", "", "10.1.2.3"),
        ("ipv4:198.51.100.1:5000", "203.0.113.7", "198.51.100.1"),
        ("ipv6:[::1]:5000", "203.0.113.7", "203.0.113.7"),
        ("ipv6:%5B2001:db8::7%5D:5000", "203.0.113.7", "2001:db8::7"),
        ("unix:/run/auth.sock", "203.0.113.7", "203.0.113.7"),
        ("unix:/run/auth.sock", "", ""),
    ],
)
def test_only_a_gateway_is_believed_about_its_clients_address(peer, told, address):
    metadata = {"fp-client-address": told} if told else {}
    assert client_address(peer, metadata, TRUSTED) == address
