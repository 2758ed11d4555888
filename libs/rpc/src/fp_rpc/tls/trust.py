"""TLS of clients outside: they trust an authority, and have no certificate of their own."""

import ssl
from pathlib import Path

import grpc


class Trust:
    """For `Channels` of a client that only verifies; it has no certificate and nothing to renew."""

    def __init__(self, ca_file: Path | None) -> None:
        """ca_file: None for the authorities of the system. Raises OSError when it cannot be read."""
        self._ca_file = ca_file
        self._roots = roots(ca_file)

    def material(self) -> "Trust":
        return self

    def channel_credentials(self) -> tuple["Trust", grpc.ChannelCredentials]:
        return self, grpc.ssl_channel_credentials(self._roots)

    def client_context(self) -> ssl.SSLContext:
        return https_context(self._ca_file)


def roots(ca_file: Path | None) -> bytes | None:
    """Certificates in PEM; None for gRPC's own list, where the system has none. Raises OSError."""
    system = ssl.get_default_verify_paths().cafile
    if ca_file is None:
        return Path(system).read_bytes() if system else None
    return ca_file.read_bytes()


def https_context(ca_file: Path | None) -> ssl.SSLContext:
    """For HTTP: what the platform hands out may also be an address of the world, such as an object store's.

    Raises OSError when the file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
