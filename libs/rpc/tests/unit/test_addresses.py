"""Addresses in gRPC's names of peers."""

import pytest
from fp_rpc.addresses import ip_of, peer_of, without_port


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.1.2.3:4567", "10.1.2.3"),
        ("ipv6:%5B::1%5D:4567", "::1"),
        ("ipv6:[fe80::1]:1", "fe80::1"),
        ("unix:/tmp/x", ""),
        ("", ""),
    ],
)
def test_the_address_is_read_from_the_peer(peer, address):
    assert ip_of(peer) == address


@pytest.mark.parametrize("peer", ["ipv4:10.1.2.3:4567", "ipv6:%5B2001:db8::7%5D:4567"])
def test_an_address_is_written_as_its_peer_without_the_port(peer):
    assert peer_of(ip_of(peer)) == without_port(peer)


def test_an_ipv4_address_inside_ipv6_is_the_ipv4_address():
    assert peer_of("::ffff:10.1.2.3") == "ipv4:10.1.2.3"


@pytest.mark.parametrize("text", ["", "somebody", "10.1.2.3:80", "ipv4:10.1.2.3"])
def test_a_text_that_is_no_address_names_no_peer(text):
    assert peer_of(text) == ""
