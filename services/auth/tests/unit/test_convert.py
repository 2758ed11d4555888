import pytest
from fp_auth.api.convert import ip_address


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.1.2.3:5000", "10.1.2.3"),
        ("ipv4:203.0.113.7", "203.0.113.7"),
        ("ipv6:[::1]:5000", "::1"),
        ("ipv6:%5B2001:db8::7%5D:5000", "2001:db8::7"),
        ("ipv6:%5B2001:db8::7%5D", "2001:db8::7"),
        ("unix:/run/auth.sock", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_peer_is_found_in_its_name(peer, address):
    assert ip_address(peer) == address
