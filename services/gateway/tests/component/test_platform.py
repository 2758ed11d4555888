"""The platform says its version to anybody, and which services take calls to whom it knows."""

import re
from importlib.metadata import version

import grpc
import pytest
from forgepoint.platform.v1 import growth_pb2
from forgepoint.platform.v1 import platform_pb2 as pb
from forgepoint.platform.v1.growth_pb2_grpc import GrowthServiceStub
from forgepoint.platform.v1.platform_pb2_grpc import PlatformServiceStub
from fp_rpc.wire import wire_revision
from fp_testkit.patience import PATIENCE


@pytest.fixture
def platform(channel):
    return PlatformServiceStub(channel)


async def test_anybody_learns_the_version_and_nothing_else(platform):
    found = await platform.GetVersion(pb.GetVersionRequest(), timeout=PATIENCE)

    assert found.version == version("fp-gateway")
    assert found.wire_revision == wire_revision()
    assert found.now.seconds > 0
    assert {field.name for field, _ in found.ListFields()} == {"version", "wire_revision", "now"}


async def test_which_services_take_calls_is_told_to_callers_that_are_known(edge, platform):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await platform.GetStatus(pb.GetStatusRequest(), timeout=PATIENCE)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED

    metadata = (("authorization", f"Bearer {edge.issuer.identity.viewer('alpha')}"),)
    found = await platform.GetStatus(pb.GetStatusRequest(), metadata=metadata, timeout=PATIENCE)

    serving = {each.name: each.serving for each in found.services}
    assert list(serving) == sorted(serving)
    assert (serving["gateway"], serving["registry"]) == (True, True)
    versions = {each.name: each.version for each in found.services if each.serving}
    assert versions["registry"] == version("fp-registry"), "each service says its own"


async def test_what_services_hold_is_told_to_operators_alone(edge, platform):
    identity = edge.issuer.identity
    metadata = (("authorization", f"Bearer {identity.engineer()}"),)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await platform.GetGrowth(pb.GetGrowthRequest(), metadata=metadata, timeout=PATIENCE)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED

    metadata = (("authorization", f"Bearer {identity.operator()}"),)
    found = await platform.GetGrowth(pb.GetGrowthRequest(), metadata=metadata, timeout=PATIENCE)

    by_name = {each.name: each for each in found.services}
    assert list(by_name) == sorted(by_name)
    assert by_name["registry"].told
    assert not by_name["auth"].told or by_name["auth"].tables == []


async def test_nobody_outside_asks_a_service_itself_what_it_holds(edge, channel):
    metadata = (("authorization", f"Bearer {edge.issuer.identity.operator()}"),)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await GrowthServiceStub(channel).TellGrowth(growth_pb2.TellGrowthRequest(), metadata=metadata, timeout=PATIENCE)

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_the_fingerprint_of_the_protos_stays_the_same():
    assert wire_revision() == wire_revision()
    assert re.fullmatch(r"[0-9a-f]{12}", wire_revision())
