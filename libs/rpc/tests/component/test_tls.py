"""Mutual TLS: who may connect, who must have which certificate, and renewals while calls run."""

import asyncio
import gc
import logging
import weakref

import grpc
import pytest
import pytest_asyncio
from fp_kernel import PermissionDenied, Unavailable
from fp_rpc import BearerToken, ChannelPolicy, Channels
from fp_rpc.client.renewed_channel import open_channel
from fp_rpc.retries import RetryPolicy
from fp_rpc.server.health import standing
from fp_rpc.tls.certificates import Certificates as Files
from fp_rpc.tls.certificates import UnusableCertificates
from fp_rpc.tls.names import noun_of
from fp_testkit.certificates import Certificates
from fp_testkit.patience import PATIENCE

QUICK = ChannelPolicy(retry=RetryPolicy(attempts=2))


def read(files, interval=0.0):
    return Files(files.certificate, files.key, files.authority, interval=interval)


@pytest.fixture
def issued(tmp_path):
    return Certificates(tmp_path)


@pytest_asyncio.fixture
async def registry(serve, issued):
    """A service whose certificate names no address."""
    return await serve(certificates=read(issued.of("registry", hosts=())))


@pytest_asyncio.fixture
async def call(shapes):
    """One call of a peer with these certificates; the peer is named as its clients know it."""
    opened = []

    async def one(address, certificates, token, *, peer="registry", rpc="One", metadata=()):
        opened.append(Channels(BearerToken(token), QUICK, certificates=certificates))
        stub = shapes.rpc.ShapesServiceStub(opened[-1].open(address, timeout=PATIENCE, peer=peer))
        return await getattr(stub, rpc)(shapes.pb.Request(text="x"), metadata=metadata)

    yield one
    for channels in opened:
        await channels.close()


class TestCallers:
    async def test_a_service_calls_with_its_own_certificate_and_token(self, registry, issued, call, keys):
        answer = await call(registry.address, read(issued.of("inference")), keys.service("inference"))
        assert answer.text == "one x"

    async def test_a_stolen_service_token_is_refused_from_another_services_certificate(
        self, registry, issued, call, keys
    ):
        with pytest.raises(PermissionDenied) as refused:
            await call(registry.address, read(issued.of("notification")), keys.service("inference"))
        assert refused.value.reason == "CERTIFICATE_MISMATCH"

    @pytest.mark.parametrize("door", ["edge", "gateway", "cli"])
    async def test_people_call_through_the_front_doors(self, registry, issued, call, keys, door):
        assert (await call(registry.address, read(issued.of(door)), keys.sign())).text == "one x"

    async def test_a_persons_token_is_refused_from_a_service(self, registry, issued, call, keys):
        with pytest.raises(PermissionDenied) as refused:
            await call(registry.address, read(issued.of("notification")), keys.sign())
        assert refused.value.reason == "CERTIFICATE_MISMATCH"

    async def test_a_service_token_is_refused_at_a_front_door(self, registry, issued, call, keys):
        with pytest.raises(PermissionDenied):
            await call(registry.address, read(issued.of("edge")), keys.service("inference"))

    def test_a_certificate_of_two_services_or_of_another_domain_is_nobodys(self):
        assert noun_of([b"spiffe://forgepoint/auth", b"spiffe://forgepoint/billing"]) == ""
        assert noun_of([b"auth", b"spiffe://elsewhere/auth"]) == ""
        assert noun_of(None) == ""


class TestConnections:
    @pytest.mark.parametrize("kind", ["expired", "of_stranger"])
    async def test_a_bad_client_certificate_does_not_connect(self, registry, issued, call, keys, kind):
        with pytest.raises(Unavailable):
            await call(registry.address, read(getattr(issued, kind)("inference")), keys.service("inference"))

    @pytest.mark.parametrize("kind", ["expired", "of_stranger"])
    async def test_a_bad_server_certificate_is_refused_by_the_client(self, serve, issued, call, keys, kind):
        server = await serve(certificates=read(getattr(issued, kind)("registry")))
        with pytest.raises(Unavailable):
            await call(server.address, read(issued.of("inference")), keys.service("inference"))

    async def test_the_certificate_of_another_service_does_not_serve(self, serve, issued, call, keys):
        impostor = await serve(certificates=read(issued.of("notification")))
        with pytest.raises(Unavailable):
            await call(impostor.address, read(issued.of("inference")), keys.service("inference"))

    async def test_without_the_peers_name_the_address_must_be_in_its_certificate(self, registry, issued, call, keys):
        with pytest.raises(Unavailable):
            await call(registry.address, read(issued.of("inference")), keys.service("inference"), peer="")

    async def test_clear_text_and_tls_do_not_meet(self, registry, serve, issued, call, keys):
        plain = await serve()
        with pytest.raises(Unavailable):
            await call(plain.address, read(issued.of("inference")), keys.service("inference"))
        with pytest.raises(Unavailable):
            await call(registry.address, None, keys.service("inference"))

    async def test_who_has_no_certificate_does_not_connect(self, registry, issued, shapes):
        credentials = grpc.ssl_channel_credentials(issued.authority.read_bytes())
        named = [("grpc.ssl_target_name_override", "registry")]
        async with grpc.aio.secure_channel(registry.address, credentials, options=named) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await shapes.rpc.ShapesServiceStub(channel).Open(shapes.pb.Request(text="x"), timeout=PATIENCE)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


class TestRenewal:
    async def test_no_call_fails_while_both_ends_get_new_certificates(self, registry, issued, shapes, keys):
        client = read(issued.of("inference"))
        channels = Channels(BearerToken(keys.service("inference")), QUICK, certificates=client)
        stub = shapes.rpc.ShapesServiceStub(channels.open(registry.address, timeout=PATIENCE, peer="registry"))
        done = asyncio.Event()

        async def calls():
            count = 0
            while not done.is_set():
                assert (await stub.One(shapes.pb.Request(text="a"))).text == "one a"
                assert (await stub.Write(shapes.pb.Request(text="b"))).text == "one b"
                assert [each.text async for each in stub.Out(shapes.pb.Request(text="c"))][2] == "c 2"
                count += 1
            return count

        async with asyncio.TaskGroup() as group:
            callers = [group.create_task(calls()) for _ in range(4)]
            for _ in range(10):
                before = client.material()
                issued.of("registry", hosts=())
                issued.of("inference")
                assert (await stub.One(shapes.pb.Request(text="a"))).text == "one a"
                assert client.material() is not before
            done.set()
        assert all(caller.result() for caller in callers)
        await channels.close()

    async def test_a_stream_goes_on_over_a_renewal(self, registry, issued, shapes, keys):
        client = read(issued.of("inference"))
        channels = Channels(BearerToken(keys.service("inference")), QUICK, certificates=client)
        stub = shapes.rpc.ShapesServiceStub(channels.open(registry.address, timeout=PATIENCE, peer="registry"))
        stream = stub.Both()
        await stream.write(shapes.pb.Request(text="1"))
        assert (await stream.read()).text == "both 1"
        for _ in range(2):
            issued.of("inference")
            await stub.One(shapes.pb.Request(text="a"))
        await stream.write(shapes.pb.Request(text="2"))
        assert (await stream.read()).text == "both 2"
        await stream.done_writing()
        await channels.close()

    async def test_a_connection_ends_with_the_last_call_on_its_certificate(self, registry, issued, shapes):
        """Also where a method that was called on it is never called again."""
        client = read(issued.of("inference"))
        channel = open_channel(registry.address, (), client, "registry")
        stub = shapes.rpc.ShapesServiceStub(channel)
        await stub.Open(shapes.pb.Request(text="a"), timeout=PATIENCE)
        old = weakref.ref(channel.bare())
        issued.of("inference")
        with pytest.raises(grpc.aio.AioRpcError):  # who calls has no token, and has connected
            await stub.One(shapes.pb.Request(text="b"), timeout=PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while old() is not None:
                await asyncio.sleep(0)
        await channel.close()

    async def test_a_channel_holds_no_method_that_nobody_calls_any_more(self, registry, issued):
        """A health check makes its method for each look."""
        channel = open_channel(registry.address, (), read(issued.of("inference")), "registry")
        for _ in range(3):
            await standing(channel, PATIENCE)
        gc.collect()

        assert len(channel.generation().methods) == 0
        await channel.close()

    async def test_new_connections_need_the_new_authority(self, registry, issued, tmp_path, call, keys):
        """A service that is given another authority takes nobody of the old one any more."""
        old = read(issued.of("inference"))
        assert (await call(registry.address, old, keys.service("inference"))).text == "one x"
        other = Certificates(tmp_path / "other")
        there, here = other.of("registry", hosts=()), issued.of("registry", hosts=())
        for name in ("certificate", "key", "authority"):
            getattr(there, name).replace(getattr(here, name))
        with pytest.raises(Unavailable):
            await call(registry.address, old, keys.service("inference"))
        answer = await call(registry.address, read(other.of("inference")), keys.service("inference"))
        assert answer.text == "one x"

    async def test_files_that_do_not_fit_are_left_for_the_next_look(self, issued, caplog):
        files = issued.of("inference")
        certificates = read(files)
        before = certificates.material()
        old = files.certificate.read_bytes()
        issued.of("inference")
        fresh = files.certificate.read_bytes()
        files.certificate.write_bytes(old)
        with caplog.at_level(logging.WARNING):
            assert certificates.material() is before
            assert certificates.material() is before
        assert len(caplog.records) == 1
        files.certificate.write_bytes(fresh)
        assert certificates.material().certificate == fresh


class TestFiles:
    @pytest.mark.parametrize("name", ["certificate", "key", "authority"])
    def test_a_missing_or_foreign_file_is_named(self, issued, name):
        files = issued.of("inference")
        getattr(files, name).write_text("nothing")
        with pytest.raises(UnusableCertificates, match=getattr(files, name).name):
            read(files)
        getattr(files, name).unlink()
        with pytest.raises(UnusableCertificates, match=getattr(files, name).name):
            read(files)

    def test_a_key_of_another_certificate_is_refused(self, issued):
        files, other = issued.of("inference"), issued.of("billing")
        other.key.replace(files.key)
        with pytest.raises(UnusableCertificates, match="is not the key of"):
            read(files)

    def test_between_two_looks_the_files_are_not_read(self, issued):
        files = issued.of("inference")
        certificates = read(files, interval=PATIENCE * 1_000)
        before = certificates.material()
        issued.of("inference")
        assert certificates.material() is before


class TestLinks:
    """As a channel's connections, for the calls that come as frames."""

    @pytest_asyncio.fixture
    async def linked(self, serve, issued):
        return await serve(link="One", certificates=read(issued.of("serving", hosts=())))

    @pytest.fixture
    def ask(self, shapes, linked):
        async def one(certificates, token, *, peer="serving"):
            async def locate():
                return "127.0.0.1", linked.server.link_port

            channels = Channels(BearerToken(token), QUICK, certificates=certificates)
            link = channels.link("/forgepoint.rpctest.v1.ShapesService/One", locate, timeout=PATIENCE, peer=peer)
            try:
                return shapes.pb.Response.FromString(await link.call(shapes.pb.Request(text="x").SerializeToString()))
            finally:
                await channels.close()

        return one

    async def test_a_service_asks_with_its_own_certificate_and_token(self, ask, issued, keys):
        assert (await ask(read(issued.of("inference")), keys.service("inference"))).text == "one x"

    async def test_a_stolen_token_is_refused_from_another_services_certificate(self, ask, issued, keys):
        with pytest.raises(PermissionDenied) as refused:
            await ask(read(issued.of("notification")), keys.service("inference"))
        assert refused.value.reason == "CERTIFICATE_MISMATCH"

    @pytest.mark.parametrize("kind", ["expired", "of_stranger"])
    async def test_a_bad_certificate_does_not_connect(self, ask, issued, keys, kind):
        with pytest.raises(Unavailable):
            await ask(read(getattr(issued, kind)("inference")), keys.service("inference"))

    async def test_a_peer_of_another_name_is_refused(self, ask, issued, keys):
        with pytest.raises(Unavailable):
            await ask(read(issued.of("inference")), keys.service("inference"), peer="registry")

    async def test_in_the_middle_of_a_renewal_the_peer_is_unavailable(self, ask, issued, keys):
        """Python reads certificate and key from their files for each connection."""
        files = issued.of("inference")
        client = read(files, interval=PATIENCE)
        files.key.write_bytes(issued.of("registry").key.read_bytes())
        with pytest.raises(Unavailable):
            await ask(client, keys.service("inference"))

    async def test_plain_text_does_not_connect(self, ask, keys):
        with pytest.raises(Unavailable):
            await ask(None, keys.service("inference"))
