"""TLS of HTTP: contexts for our servers, and requests to those of other services."""

import contextlib
import functools
import http.client
import ssl
import urllib.request
from typing import Any

from fp_rpc.tls.certificates import Certificates, Material


class ServerContexts:
    """The context for a listener; each connection gets one with the files as they are then."""

    def __init__(self, certificates: Certificates, *, clients: bool, protocol: str = "http/1.1") -> None:
        """clients: whether only who has a certificate of a trusted authority may connect. protocol: what is spoken."""
        self._protocol = protocol
        self._certificates = certificates
        self._clients = clients
        self._material, self._context = self._made()

    @property
    def context(self) -> ssl.SSLContext:
        return self._context

    def _made(self) -> tuple[Material, ssl.SSLContext]:
        material = self._certificates.material()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols([self._protocol])
        self._certificates.load_into(context, material)
        if self._clients:
            context.verify_mode = ssl.CERT_REQUIRED
        context.sni_callback = self._renew
        return material, context

    def _renew(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in each handshake, also where the client names no host."""
        if self._certificates.material() is not self._material:
            # Replaced once more while it was read, or away; errors of TLS are such. The next connection looks again.
            with contextlib.suppress(OSError):
                self._material, self._context = self._made()
        connection.context = self._context


class PeerHandler(urllib.request.HTTPSHandler):
    """Requests by https to one service: it is verified by its noun, wherever it listens."""

    def __init__(self, certificates: Certificates, peer: str) -> None:
        super().__init__()
        self._connection = functools.partial(_PeerConnection, context=certificates.client_context(), peer=peer)

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._connection, request)


class _PeerConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, *, context: ssl.SSLContext, peer: str, **options: Any) -> None:
        super().__init__(host, context=context, **options)
        self._peer_context = context
        self._peer = peer

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._peer_context.wrap_socket(self.sock, server_hostname=self._peer)
