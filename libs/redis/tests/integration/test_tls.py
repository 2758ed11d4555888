"""Redis behind TLS: who is trusted, and what the others are called."""

from urllib.parse import urlsplit, urlunsplit

import pytest
from fp_kernel.trust import Untrusted
from fp_redis import RedisClient
from fp_testkit.certificates import Certificates
from fp_testkit.patience import PATIENCE
from fp_testkit.tls_front import tls_front
from fp_testkit.wallclock import RunningClock


def secure(url, port, authorities):
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    query = f"ssl_ca_certs={authorities}&ssl_cert_reqs=required&ssl_check_hostname=true"
    return urlunsplit(parts._replace(scheme="rediss", netloc=f"{login}@127.0.0.1:{port}", query=query))


async def asked(url, seconds=PATIENCE):
    link = RedisClient.open(url, RunningClock(), store="the shelf", timeout=seconds)
    try:
        return await link.ask(("PING",))
    finally:
        await link.close()


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path / "tls")


async def test_a_store_with_a_good_certificate_is_used(redis_url, certificates):
    async with tls_front(urlsplit(redis_url).port, certificates.of("valkey")) as port:
        assert await asked(secure(redis_url, port, certificates.authority)) == [True]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda them: them.expired("valkey"), "CERTIFICATE_EXPIRED"),
        (lambda them: them.of_stranger("valkey"), "CERTIFICATE_OF_UNKNOWN_AUTHORITY"),
        (lambda them: them.of("valkey", hosts=["elsewhere"]), "CERTIFICATE_OF_ANOTHER_NAME"),
    ],
)
async def test_a_store_that_is_not_trusted_is_refused_by_name(redis_url, certificates, make, reason):
    async with tls_front(urlsplit(redis_url).port, make(certificates)) as port:
        with pytest.raises(Untrusted) as refused:
            await asked(secure(redis_url, port, certificates.authority))

    assert refused.value.reason == reason


async def test_a_store_that_speaks_no_tls_is_refused_by_name(redis_url, certificates):
    """It never answers a handshake, so that the time-out is what the test waits for."""
    with pytest.raises(Untrusted) as refused:
        await asked(secure(redis_url, urlsplit(redis_url).port, certificates.authority), seconds=2)

    assert refused.value.reason == "NO_TLS"


async def test_a_new_file_of_authorities_counts_from_the_next_connection_on(redis_url, certificates, tmp_path):
    other = Certificates(tmp_path / "other")
    given = tmp_path / "given.crt"
    given.write_bytes(other.authority.read_bytes())
    async with tls_front(urlsplit(redis_url).port, certificates.of("valkey")) as port:
        link = RedisClient.open(secure(redis_url, port, given), RunningClock(), store="the shelf", timeout=PATIENCE)
        try:
            with pytest.raises(Untrusted):
                await link.ask(("PING",))
            given.write_bytes(certificates.authority.read_bytes())
            await link.ping()
        finally:
            await link.close()
