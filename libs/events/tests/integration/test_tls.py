"""NATS by TLS: who is trusted, and what the others are called."""

import asyncio

import pytest
from fp_devstack import Stack
from fp_events import connect
from fp_kernel.trust import Untrusted
from fp_testkit.certificates import Certificates
from fp_testkit.patience import PATIENCE


@pytest.fixture
def certificates(tmp_path):
    """Those that a server of `tmp_path` takes at its start."""
    return Certificates(tmp_path / "tls")


@pytest.fixture
def server(tmp_path):
    started = Stack(tmp_path, stores=["nats"], durable=False)
    yield started
    started.stop()


async def reason(url, authorities):
    """Why the server is not trusted; empty when it is."""
    bus = await connect(url, name="test", ca_file=authorities)
    try:
        await bus.ping()
    except Untrusted as refused:
        return refused.reason
    finally:
        await bus.close()
    return ""


async def test_a_server_with_a_good_certificate_is_used_and_gets_no_password_otherwise(server, certificates, tmp_path):
    certificates.of("nats")
    url = server.start().nats_url

    assert await reason(url, certificates.authority) == ""
    strange = Certificates(tmp_path / "other").authority
    assert await reason(url, strange) == "CERTIFICATE_OF_UNKNOWN_AUTHORITY"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda them: them.expired("nats"), "CERTIFICATE_EXPIRED"),
        (lambda them: them.of("nats", hosts=["elsewhere"]), "CERTIFICATE_OF_ANOTHER_NAME"),
    ],
)
async def test_a_server_that_is_not_trusted_is_refused_by_name(server, certificates, make, expected):
    make(certificates)

    assert await reason(server.start().nats_url, certificates.authority) == expected


async def test_a_server_that_speaks_no_tls_is_refused_by_name(nats_url, certificates):
    assert await reason(nats_url, certificates.authority) == "NO_TLS"
    assert await reason(nats_url.replace("nats://", "tls://"), None) == "NO_TLS"


async def test_a_new_file_of_authorities_counts_from_the_next_connection_on(server, certificates, tmp_path):
    certificates.of("nats")
    given = tmp_path / "given.crt"
    given.write_bytes(Certificates(tmp_path / "other").authority.read_bytes())
    bus = await connect(server.start().nats_url, name="test", ca_file=given)
    try:
        with pytest.raises(Untrusted):
            await bus.ping()
        given.write_bytes(certificates.authority.read_bytes())
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await bus.ping()
                except Untrusted:
                    await asyncio.sleep(0.05)
                else:
                    break
    finally:
        await bus.close()
