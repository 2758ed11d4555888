"""The object store behind TLS: who is trusted, and what the others are called."""

from urllib.parse import urlsplit

import pytest
from fp_kernel.trust import Untrusted
from fp_s3 import Location, ObjectStore
from fp_testkit.certificates import Certificates
from fp_testkit.tls_front import tls_front


async def pinged(s3, port, authorities):
    location = Location(
        f"https://127.0.0.1:{port}", s3.name, s3.access_key, s3.secret_key, own="tls/", authorities=authorities
    )
    store = ObjectStore(location)
    try:
        await store.ping()
        await store.put("tls/a", b"x")
        return await store.get("tls/a", limit=10)
    finally:
        await store.close()


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path / "tls")


@pytest.fixture
def port(s3):
    return urlsplit(s3.endpoint).port


async def test_a_store_with_a_good_certificate_is_used(s3, port, certificates):
    async with tls_front(port, certificates.of("seaweedfs")) as front:
        assert await pinged(s3, front, certificates.authority) == b"x"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda them: them.expired("seaweedfs"), "CERTIFICATE_EXPIRED"),
        (lambda them: them.of_stranger("seaweedfs"), "CERTIFICATE_OF_UNKNOWN_AUTHORITY"),
        (lambda them: them.of("seaweedfs", hosts=["elsewhere"]), "CERTIFICATE_OF_ANOTHER_NAME"),
    ],
)
async def test_a_store_that_is_not_trusted_is_refused_by_name(s3, port, certificates, make, reason):
    async with tls_front(port, make(certificates)) as front:
        with pytest.raises(Untrusted) as refused:
            await pinged(s3, front, certificates.authority)

    assert refused.value.reason == reason


async def test_a_store_that_speaks_no_tls_is_refused_by_name(s3, port, certificates):
    with pytest.raises(Untrusted) as refused:
        await pinged(s3, port, certificates.authority)

    assert refused.value.reason == "NO_TLS"
