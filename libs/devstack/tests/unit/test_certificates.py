"""Certificates as TLS libraries judge them: a handshake in memory, by OpenSSL."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from fp_devstack.tls.folder import CertificateFiles
from fp_testkit.certificates import Certificates


def _handshake(server: CertificateFiles, client: CertificateFiles, host: str) -> ssl.SSLObject:
    """The client's end of a connection on which both have proven who they are."""
    accepting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(server.authority))
    accepting.load_cert_chain(server.certificate, server.key)
    accepting.verify_mode = ssl.CERT_REQUIRED
    asking = ssl.create_default_context(cafile=str(client.authority))
    asking.load_cert_chain(client.certificate, client.key)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [asking.wrap_bio(back, there, server_hostname=host), accepting.wrap_bio(there, back, server_side=True)]
    open_ends = list(ends)
    while open_ends:
        for end in tuple(open_ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            open_ends.remove(end)
    # The server judges the client's certificate after the client is done.
    ends[1].write(b"hello")
    ends[0].read(5)
    return ends[0]


def test_each_verifies_the_other_by_its_noun(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    end = _handshake(certificates.of("auth"), certificates.of("billing"), "auth")
    peer = end.getpeercert()
    assert peer is not None
    assert ("URI", "spiffe://forgepoint/auth") in peer["subjectAltName"]


def test_addresses_are_names_only_where_they_were_given(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    _handshake(certificates.of("gateway"), certificates.of("billing"), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.1"):
        _handshake(certificates.of("auth", hosts=()), certificates.of("billing"), "127.0.0.1")


def test_the_certificate_of_one_service_does_not_serve_as_another(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'auth'"):
        _handshake(certificates.of("notification"), certificates.of("billing"), "auth")


def test_an_expired_certificate_is_refused_on_both_sides(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        _handshake(certificates.expired("auth"), certificates.of("billing"), "auth")
    with pytest.raises(ssl.SSLError, match="expired"):
        _handshake(certificates.of("auth"), certificates.expired("billing"), "auth")


def test_a_certificate_of_another_authority_is_refused_on_both_sides(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        _handshake(certificates.of_stranger("auth"), certificates.of("billing"), "auth")
    with pytest.raises(ssl.SSLError, match="unable to get local issuer"):
        _handshake(certificates.of("auth"), certificates.of_stranger("billing"), "auth")


def test_an_issued_certificate_issues_no_other(tmp_path: Path) -> None:
    leaf = x509.load_pem_x509_certificate(Certificates(tmp_path).of("auth").certificate.read_bytes())
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    files = Certificates(tmp_path).of("auth")
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
