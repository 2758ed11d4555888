"""What a service holds is told to the gateway and to nobody else."""

import pytest
from forgepoint.platform.v1 import growth_pb2 as pb
from forgepoint.platform.v1.growth_pb2_grpc import GrowthServiceStub
from fp_kernel import PermissionDenied, Unauthenticated
from fp_rpc import BearerToken, Channels
from fp_rpc.server.growth import Growth
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE


async def test_tables_are_told_as_they_were_measured():
    metrics = Metrics("billing")
    rows = metrics.gauge("table_rows", "Rows.", ("table",))
    sizes = metrics.gauge("table_bytes", "Bytes.", ("table",))
    for name, size in (("usage", 7), ("accounts", 5)):
        rows.labels(name).set(2)
        sizes.labels(name).set(size)

    growth = (await Growth(metrics).TellGrowth(pb.TellGrowthRequest(), None)).growth

    assert [(each.name, each.bytes, each.rows) for each in growth.tables] == [("accounts", 5, 2), ("usage", 7, 2)]
    assert growth.told
    assert not growth.HasField("spool_bytes")


async def test_a_replica_that_has_not_measured_its_database_says_so():
    metrics, without = Metrics("billing"), Metrics("inference")
    rows = metrics.gauge("table_rows", "Rows.", ("table",))
    metrics.gauge("table_bytes", "Bytes.", ("table",))

    async def elsewhere(of):
        return (await Growth(of).TellGrowth(pb.TellGrowthRequest(), None)).growth.measured_elsewhere

    assert (await elsewhere(metrics), await elsewhere(without)) == (True, False)
    rows.labels("usage").set(1)
    assert not await elsewhere(metrics)


async def test_a_spool_is_told_where_there_is_one():
    metrics = Metrics("inference")
    metrics.gauge("spool_bytes", "Bytes.").set_function(lambda: 9)

    assert (await Growth(metrics).TellGrowth(pb.TellGrowthRequest(), None)).growth.spool_bytes == 9


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        (None, Unauthenticated),
        ({"scopes": ["platform:admin"]}, PermissionDenied),
        ({"sub": "billing", "role": "service", "team": ""}, PermissionDenied),
        ({"sub": "gateway", "role": "service", "team": ""}, None),
    ],
    ids=["a stranger", "an operator", "another service", "the gateway"],
)
async def test_only_the_gateway_may_ask(serve, keys, claims, refusal):
    channels = Channels(BearerToken(keys.sign(**claims) if claims is not None else ""))
    stub = GrowthServiceStub(channels.open((await serve()).address, timeout=PATIENCE))
    try:
        if refusal is None:
            assert (await stub.TellGrowth(pb.TellGrowthRequest())).growth.told
            return
        with pytest.raises(refusal):
            await stub.TellGrowth(pb.TellGrowthRequest())
    finally:
        await channels.close()
