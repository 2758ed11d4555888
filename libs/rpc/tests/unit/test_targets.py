"""Targets by gRPC's naming."""

import pytest
from fp_rpc.client.targets import Resolved, addresses_of, target_of


@pytest.mark.parametrize("addresses", [("127.0.0.1:4001",), ("127.0.0.1:4001", "127.0.0.1:4002")])
def test_a_target_stands_for_the_addresses_that_it_was_made_of(addresses: tuple[str, ...]) -> None:
    assert addresses_of(target_of(addresses)) == addresses


def test_one_process_is_named_as_ever() -> None:
    assert target_of(["127.0.0.1:4001"]) == "127.0.0.1:4001"
    assert target_of(["127.0.0.1:4001", "127.0.0.1:4002"]) == "ipv4:127.0.0.1:4001,127.0.0.1:4002"


def test_an_address_that_is_named_twice_is_one() -> None:
    assert addresses_of("ipv4:127.0.0.1:1,127.0.0.1:1") == ("127.0.0.1:1",)
    assert addresses_of("ipv6:[::1]:1,[::1]:2") == ("[::1]:1", "[::1]:2")


def test_a_name_is_resolved_by_whoever_uses_it() -> None:
    assert addresses_of("dns:///delays.models:9000") == Resolved("delays.models", 9000)
    assert addresses_of("dns:delays:9000") == Resolved("delays", 9000)
    assert addresses_of("dns:///[::1]:9000") == Resolved("::1", 9000)


@pytest.mark.parametrize("target", ["dns:///delays", "dns:///:9000", "dns:///delays:http"])
def test_a_name_without_a_host_or_port_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="dns:///<host>:<port>"):
        addresses_of(target)
