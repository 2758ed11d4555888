"""The certificate of this process, its key and the authorities that it trusts, as their files are now."""

import os
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from fp_kernel import Clock, SystemClock
from fp_telemetry import get_logger

_log = get_logger("fp_rpc.tls")
# Seconds between two looks at the files; a look costs microseconds, and calls begin ten thousand times a second.
_INTERVAL: Final = 1.0
_SPKI: Final = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
Signature = tuple[tuple[int, int], ...]
# gRPC takes None for "as before"; its type does not say so.
_Fetch = Callable[[], grpc.ServerCertificateConfiguration]


class UnusableCertificates(Exception):
    """The files cannot be used; the message names the file and holds nothing of a key."""


@dataclass(frozen=True, slots=True)
class Material:
    """What one reading of the files gave, in PEM; two readings are never the same object.

    ends_at: of the certificate, in seconds since 1970.
    """

    certificate: bytes
    key: bytes
    authority: bytes
    ends_at: float


class Certificates:
    """Files that are read again when they change: whoever renews them restarts nobody.

    interval: seconds between two looks at the files. Safe from several threads: gRPC asks from its own.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        authority: Path,
        *,
        interval: float = _INTERVAL,
        clock: Clock | None = None,
    ) -> None:
        """Raises UnusableCertificates when the files are not a certificate, its key and trusted certificates."""
        self.certificate = certificate
        self.key = key
        self.authority = authority
        self._interval = interval
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._looked_at = self._clock.monotonic()
        self._seen = self._signature()
        self._problem = ""
        self._material = self._read()

    def material(self) -> Material:
        """The newest usable content; files that do not fit each other, as in the middle of a renewal, are left for the
        next look.
        """
        if self._clock.monotonic() - self._looked_at < self._interval:
            return self._material
        with self._lock:
            self._look()
            return self._material

    def channel_credentials(self) -> tuple[Material, grpc.ChannelCredentials]:
        """For one channel: gRPC's client keeps for ever what it is given here."""
        now = self.material()
        return now, grpc.ssl_channel_credentials(now.authority, now.key, now.certificate)

    def client_context(self) -> ssl.SSLContext:
        """For one connection to another service, whose name is checked as the host's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.load_into(context, self.material())
        return context

    def load_into(self, context: ssl.SSLContext, material: Material) -> None:
        """Python reads a key from a file only. Raises OSError while the files are being replaced."""
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        context.load_verify_locations(cadata=material.authority.decode())

    def server_credentials(self, *, clients: bool) -> grpc.ServerCredentials:
        """For a port; each connection is accepted with the files as they are then.

        clients: whether only who has a certificate of a trusted authority may connect.
        """
        given = self.material()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal given
            now = self.material()
            if now is given:
                return None
            given = now
            return _configuration(now)

        return grpc.dynamic_ssl_server_credentials(_configuration(given), cast("_Fetch", renewed), clients)

    def _look(self) -> None:
        self._looked_at = self._clock.monotonic()
        try:
            found = self._signature()
            if found == self._seen:
                return
            self._material = self._read()
        except UnusableCertificates as problem:
            # Once, and not at each look until somebody mends them.
            if str(problem) != self._problem:
                self._problem = str(problem)
                _log.warning("renewed certificates cannot be used yet", reason=self._problem)
        else:
            self._seen, self._problem = found, ""
            _log.info("certificates were renewed", file=str(self.certificate))

    def _signature(self) -> Signature:
        """Changes with each replacement; taken before the content is read, so that no change is missed."""
        return tuple(self._stamp(path) for path in (self.certificate, self.key, self.authority))

    def _stamp(self, path: Path) -> tuple[int, int]:
        try:
            state = os.stat(path)  # noqa: PTH116 -- on the path of calls
        except OSError as error:
            raise UnusableCertificates(f"{path} cannot be read: {error.strerror}") from None
        return state.st_mtime_ns, state.st_ino

    def _read(self) -> Material:
        certificate_file, key_file, authority_file = map(_content, (self.certificate, self.key, self.authority))
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file)
        except ValueError:
            raise UnusableCertificates(f"{self.certificate} holds no certificate in PEM") from None
        try:
            key = serialization.load_pem_private_key(key_file, password=None)
        except (ValueError, TypeError):
            raise UnusableCertificates(f"{self.key} holds no private key in PEM without a password") from None
        if key.public_key().public_bytes(*_SPKI) != certificate.public_key().public_bytes(*_SPKI):
            raise UnusableCertificates(f"{self.key} is not the key of {self.certificate}")
        try:
            x509.load_pem_x509_certificates(authority_file)
        except ValueError:
            raise UnusableCertificates(f"{self.authority} holds no certificates in PEM") from None
        return Material(certificate_file, key_file, authority_file, certificate.not_valid_after_utc.timestamp())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableCertificates(f"{path} cannot be read: {error.strerror}") from None


def _configuration(material: Material) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(material.key, material.certificate)], material.authority)
