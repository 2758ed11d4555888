"""The world is shown one certificate, and who calls the edge by its noun the other one."""

import asyncio
import ssl

import pytest
from cryptography import x509
from fp_testkit.certificates import Certificates
from fp_testkit.edge_process import EdgeProcess

HOST = "forgepoint.example.com"


@pytest.fixture
async def edge(tmp_path):
    inner = Certificates(tmp_path / "inner", "inner authority").of("edge", hosts=["edge"])
    world = Certificates(tmp_path / "world", "authority of the world").of("public", hosts=[HOST])
    settings = {
        "FP_TLS_CERT_FILE": inner.certificate,
        "FP_TLS_KEY_FILE": inner.key,
        "FP_TLS_CA_FILE": inner.authority,
        "FP_EDGE_CERT_FILE": world.certificate,
        "FP_EDGE_KEY_FILE": world.key,
    }
    process = EdgeProcess(tmp_path, {}, **{name: str(file) for name, file in settings.items()})
    await process.start()
    yield process
    await process.stop()


async def issuer(edge, name):
    """Of the certificate that is shown to who asks for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _, port = edge.address.partition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=name)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).issuer.rfc4514_string()


@pytest.mark.parametrize(
    ("name", "authority"),
    [("edge", "inner authority"), (HOST, "authority of the world"), ("other.example.com", "authority of the world")],
)
async def test_the_certificate_is_the_one_of_the_name_that_is_asked_for(edge, name, authority):
    assert authority in await issuer(edge, name)
