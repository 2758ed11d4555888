"""Which methods only read, and what a repeat is told to wait."""

from math import inf

import pytest
from forgepoint.registry.v1 import registry_pb2
from fp_kernel import Backoff, Unavailable
from fp_rpc import RetryPolicy
from fp_rpc.retries import pushback, reads_only


def test_a_method_reads_only_when_its_permission_says_so(shapes):
    registry = f"/{registry_pb2.DESCRIPTOR.services_by_name['RegistryService'].full_name}"
    assert reads_only(f"{registry}/GetModel")
    assert not reads_only(f"{registry}/RegisterModel")
    assert not reads_only("/forgepoint.rpctest.v1.ShapesService/Open")
    assert not reads_only("/grpc.health.v1.Health/Nothing")
    assert not reads_only("/nobody.knows/It")


@pytest.mark.parametrize(
    ("retry_after", "remaining", "expected"),
    [
        (None, 60.0, "-1"),
        (0.0, 60.0, "5"),
        (0.25, 60.0, "250"),
        (1.1, 60.0, "-1"),
        (0.5, 0.4, "-1"),
        (1.0, inf, "1000"),
    ],
)
def test_a_server_tells_how_long_to_wait_where_a_wait_can_help(retry_after, remaining, expected):
    assert pushback(Unavailable("away", retry_after=retry_after), remaining) == expected


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"attempts": 6}, {"backoff": Backoff(first=0.001)}])
def test_a_policy_that_grpc_would_not_keep_is_refused(wrong):
    with pytest.raises(ValueError, match=r"a call is sent|the first back-off"):
        RetryPolicy(**wrong)
