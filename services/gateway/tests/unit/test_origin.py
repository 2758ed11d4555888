import pytest
from fp_gateway.origin import Origin, address_of


class Credential:
    def __init__(self, present: str) -> None:
        self.present = present


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.1.2.3:4567", "10.1.2.3"),
        ("ipv6:%5B::1%5D:4567", "::1"),
        ("ipv6:[fe80::1]:1", "fe80::1"),
        ("unix:/tmp/x", ""),
    ],
)
def test_the_address_is_read_from_the_peer(peer, address):
    assert address_of(peer) == address


def test_the_address_goes_with_the_proof_and_without_one_alone():
    assert Origin(Credential("t")).pairs("10.1.2.3") == [
        ("fp-client-address", "10.1.2.3"),
        ("fp-forwarded-by", "t"),
    ]
    assert Origin(Credential("")).pairs("10.1.2.3") == [("fp-client-address", "10.1.2.3")]
    assert Origin(Credential("t")).pairs("") == []
