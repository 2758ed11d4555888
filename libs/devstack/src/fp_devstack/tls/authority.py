"""A certificate authority, and the certificates that it issues.

Keys are of P-256: every TLS library of the platform's programs and stores takes them, and making one costs no time.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TRUST_DOMAIN: Final = "spiffe://forgepoint/"
# A clock that is a little behind must not find a new certificate "not yet valid".
_SKEW: Final = timedelta(minutes=5)
_CURVE: Final = SECP256R1


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates; its key never leaves it but by `pair`."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str, *, at: datetime, lasts: timedelta) -> Self:
        """at: the time now. lasts: until the end of the authority's own certificate."""
        key = generate_private_key(_CURVE())
        subject = _named(name)
        builder = (
            _valid(x509.CertificateBuilder(), at, lasts)
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def read(cls, pair: Pair) -> Self:
        key = serialization.load_pem_private_key(pair.key.encode(), password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError("the key of the authority is not of an elliptic curve")
        return cls(x509.load_pem_x509_certificate(pair.certificate.encode()), key)

    @property
    def fits(self) -> bool:
        """Whether the certificate is of the key."""
        return self.certificate.public_key() == self.key.public_key()

    @property
    def pair(self) -> Pair:
        return Pair(_pem(self.certificate), _key_pem(self.key))

    def issue(self, noun: str, *, hosts: Collection[str] = (), at: datetime, lasts: timedelta) -> Pair:
        """A certificate for both ends of a connection.

        noun: whose it is; it is named `spiffe://forgepoint/<noun>`, and `<noun>` as a host, by which its clients
        verify it wherever it listens. hosts: further names and addresses by which clients reach it.
        """
        key = generate_private_key(_CURVE())
        names = [x509.UniformResourceIdentifier(f"{TRUST_DOMAIN}{noun}"), x509.DNSName(noun), *map(_host, hosts)]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            _valid(x509.CertificateBuilder(), at, lasts)
            .subject_name(_named(noun))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_BOTH_ENDS), critical=False)
            .add_extension(issuer, critical=False)
        )
        return Pair(_pem(builder.sign(self.key, hashes.SHA256())), _key_pem(key))


def is_key_of(certificate: x509.Certificate, key: bytes) -> bool:
    """Raises ValueError for what is no key in PEM."""
    return serialization.load_pem_private_key(key, password=None).public_key() == certificate.public_key()


_BOTH_ENDS: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def _valid(builder: x509.CertificateBuilder, at: datetime, lasts: timedelta) -> x509.CertificateBuilder:
    return builder.serial_number(x509.random_serial_number()).not_valid_before(at - _SKEW).not_valid_after(at + lasts)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
