"""Which methods only read."""

from fp_rpc.retries import reads_only


def test_a_method_reads_only_when_its_permission_says_so(shapes):
    assert reads_only("/forgepoint.registry.v1.RegistryService/GetModel")
    assert not reads_only("/forgepoint.registry.v1.RegistryService/RegisterModel")
    assert not reads_only("/forgepoint.rpctest.v1.ShapesService/Open")
    assert not reads_only("/grpc.health.v1.Health/Nothing")
    assert not reads_only("/nobody.knows/It")
