"""What services hold, asked of replicas of which one alone has measured the database."""

import grpc
import pytest
from forgepoint.platform.v1 import growth_pb2 as pb
from forgepoint.platform.v1.growth_pb2_grpc import GrowthServiceServicer, add_GrowthServiceServicer_to_server
from fp_gateway.growth import Growths
from fp_rpc import Channels

TABLES = pb.ServiceGrowth(told=True, tables=[pb.TableGrowth(name="models", rows=3)])


class Replicas(GrowthServiceServicer):
    """As many replicas as there are answers, in turn."""

    def __init__(self):
        self.answers = []
        self.asked = 0

    async def TellGrowth(self, request, context):
        self.asked += 1
        return pb.TellGrowthResponse(growth=self.answers[(self.asked - 1) % len(self.answers)])


@pytest.fixture
async def replicas():
    replicas, server, channels = Replicas(), grpc.aio.server(), Channels(None)
    add_GrowthServiceServicer_to_server(replicas, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    growths = Growths(channels, {"registry": f"127.0.0.1:{port}"})
    replicas.growth = lambda: growths.of("registry")
    yield replicas
    await channels.close()
    await server.stop(0)


@pytest.mark.parametrize("others", [0, 1, 3, 11])
async def test_the_tables_are_told_however_many_replicas_have_not_measured_them(replicas, others):
    replicas.answers = [pb.ServiceGrowth(told=True, measured_elsewhere=True)] * others + [TABLES]

    found = await replicas.growth()

    assert (found.name, [each.name for each in found.tables]) == ("registry", ["models"])
    assert replicas.asked == others + 1


async def test_a_service_without_tables_is_asked_once(replicas):
    replicas.answers = [pb.ServiceGrowth(told=True, spool_bytes=9)]

    assert (await replicas.growth()).spool_bytes == 9
    assert replicas.asked == 1


async def test_one_of_which_no_replica_has_measured_yet_is_not_asked_for_ever(replicas):
    replicas.answers = [pb.ServiceGrowth(told=True, measured_elsewhere=True)]

    found = await replicas.growth()

    assert found.told
    assert replicas.asked < 100
