import pytest
from fp_gateway import metadata


def test_acting_for_another_team_never_passes():
    sent = [("authorization", "Bearer x"), ("fp-on-behalf-of-team", "victims"), ("fp-on-behalf-of-user", "u")]

    assert metadata.to_service(sent) == [("authorization", "Bearer x")]


def test_idempotency_position_and_trace_pass():
    sent = [("idempotency-key", "k"), ("fp-position", "7"), ("traceparent", "00-a-b-01"), ("user-agent", "curl")]

    assert metadata.to_service(sent) == sent[:3]


@pytest.mark.parametrize(
    ("peer", "address"),
    [("ipv4:10.1.2.3:4567", "10.1.2.3"), ("ipv6:%5B::1%5D:4567", "::1"), ("ipv6:[fe80::1]:1", "fe80::1")],
)
def test_the_client_s_address_is_told_by_the_gateway_alone(peer, address):
    assert metadata.address_of(peer) == [("fp-client-address", address)]
    assert metadata.to_service([("fp-client-address", "6.6.6.6")]) == []


def test_a_peer_without_an_address_has_none():
    assert metadata.address_of("unix:/tmp/x") == []


def test_status_details_and_limits_reach_the_caller_and_nothing_else_does():
    got = [("grpc-status-details-bin", b"x"), ("ratelimit-remaining", "3"), ("x-internal-host", "10.0.0.7")]

    assert metadata.to_caller(got) == got[:2]
