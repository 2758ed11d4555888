"""Postgres behind TLS: who is trusted, and what the others are called."""

import asyncio
import os
import sys
from urllib.parse import urlsplit, urlunsplit

import pytest
from fp_kernel.trust import Untrusted
from fp_postgres import Database
from fp_testkit.certificates import Certificates
from fp_testkit.tls_front import tls_front


def secure(url, port, authorities):
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    query = f"sslmode=verify-full&sslrootcert={authorities}"
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}", query=query))


async def asked(url):
    database = await Database.connect(url, source="test", max_size=1)
    try:
        await database.ping()
        return await database.fetchval("select 1")
    finally:
        await database.close()


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path / "tls")


async def test_a_server_with_a_good_certificate_is_used(database_url, certificates):
    async with tls_front(urlsplit(database_url).port, certificates.of("postgres"), postgres=True) as port:
        assert await asked(secure(database_url, port, certificates.authority)) == 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda them: them.expired("postgres"), "CERTIFICATE_EXPIRED"),
        (lambda them: them.of_stranger("postgres"), "CERTIFICATE_OF_UNKNOWN_AUTHORITY"),
        (lambda them: them.of("postgres", hosts=["elsewhere"]), "CERTIFICATE_OF_ANOTHER_NAME"),
    ],
)
async def test_a_server_that_is_not_trusted_is_refused_by_name(database_url, certificates, make, reason):
    async with tls_front(urlsplit(database_url).port, make(certificates), postgres=True) as port:
        with pytest.raises(Untrusted) as refused:
            await asked(secure(database_url, port, certificates.authority))

    assert refused.value.reason == reason


async def test_a_server_that_speaks_no_tls_is_refused_by_name(database_url, certificates):
    with pytest.raises(Untrusted) as refused:
        await asked(secure(database_url, urlsplit(database_url).port, certificates.authority))

    assert refused.value.reason == "NO_TLS"


async def test_a_new_file_of_authorities_counts_from_the_next_connection_on(database_url, certificates, tmp_path):
    given = tmp_path / "given.crt"
    given.write_bytes(certificates.authority.read_bytes())
    async with tls_front(urlsplit(database_url).port, certificates.of("postgres"), postgres=True) as port:
        database = await Database.connect(secure(database_url, port, given), source="test", max_size=1)
        try:
            given.write_bytes(Certificates(tmp_path / "other").authority.read_bytes())
            with pytest.raises(Untrusted):
                await database.ping()
            given.write_bytes(certificates.authority.read_bytes())
            await database.ping()
        finally:
            await database.close()


@pytest.mark.parametrize(("of", "code"), [("postgres", 0), ("stranger", 1)])
async def test_a_migration_verifies_the_server_by_the_file_that_the_service_has(database_url, certificates, of, code):
    files = certificates.of("postgres") if of == "postgres" else certificates.of_stranger("postgres")
    async with tls_front(urlsplit(database_url).port, files, postgres=True) as port:
        parts = urlsplit(database_url)
        url = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "fp_postgres", "republish"),
            env={**os.environ, "FP_DATABASE_URL": url, "FP_DATABASE_CA_FILE": str(certificates.authority)},
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        _, said = await process.communicate()

    assert (process.returncode, b"not trusted" in said) == (code, bool(code))
