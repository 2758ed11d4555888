"""HTTP to one issuer: its hosts and no others, bounded in time and size, without redirects."""

import asyncio
import ssl
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from fp_kernel import Unavailable
from fp_telemetry import get_logger

if TYPE_CHECKING:
    import httpx

_LARGEST = 256 * 1024
_TIMEOUT = 5.0
_MOST_CONNECTIONS = 8
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
_OK = 200
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_log = get_logger(__name__)


class RefusedByIssuer(Exception):
    """The issuer answered with a status of 400 to 499. code: its `error` (RFC 6749, section 5.2)."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"HTTP status {status}, {code}")
        self.code = code


def is_safe(url: str) -> bool:
    """Whether the URL is https, or of the loopback; anybody between could else take keys and codes."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


class IssuerHttp:
    """issuer: its URL. hosts: further ones that its own documents may name. ca_file: its authority, in PEM."""

    def __init__(self, issuer: str, hosts: Collection[str] = (), ca_file: str = "") -> None:
        # It brings a command line with its colours: 8 MiB that an auth without an issuer need not hold.
        import httpx  # noqa: PLC0415

        self._failures = (httpx.HTTPError, OSError, TimeoutError, ValueError)
        self._issuer = issuer
        self._hosts = frozenset((urlsplit(issuer).netloc, *hosts))
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=ca_file) if ca_file else True,
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=_MOST_CONNECTIONS),
            follow_redirects=False,
            # A proxy of the company is for what lies outside; None is "no proxy".
            mounts={f"all://{'[::1]' if host == '::1' else host}": None for host in _LOOPBACK},
        )

    async def close(self) -> None:
        await self._client.aclose()

    def check(self, url: str) -> str:
        """The URL. Raises Unavailable for one that is neither of the issuer's hosts nor safe."""
        if not is_safe(url) or urlsplit(url).netloc not in self._hosts:
            _log.warning("an issuer names a host that the settings do not", issuer=self._issuer, url=url[:200])
            raise Unavailable(
                f"{self._issuer} names an address that the settings do not allow", reason="ISSUER_MISCONFIGURED"
            )
        return url

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON object. Raises Unavailable, RefusedByIssuer."""
        return await self._exchange("GET", url, headers=dict(headers or {}))

    async def post(self, url: str, form: Mapping[str, str], auth: tuple[str, str] | None) -> dict[str, Any]:
        """The JSON object that answers a form. auth: for HTTP Basic. Raises Unavailable, RefusedByIssuer."""
        return await self._exchange("POST", url, data=dict(form), auth=auth)

    async def _exchange(self, verb: str, url: str, **content: Any) -> dict[str, Any]:
        self.check(url)
        try:
            async with asyncio.timeout(_TIMEOUT), self._client.stream(verb, url, **content) as response:
                status, body = response.status_code, await _bounded(response)
        except self._failures as failure:
            cause = f"{type(failure).__name__}: {failure}"
            _log.warning("an issuer does not answer", issuer=self._issuer, url=url, cause=cause)
            raise self._away() from failure
        document = _object(body)
        if _CLIENT_ERROR <= status < _SERVER_ERROR:
            raise RefusedByIssuer(status, str((document or {}).get("error", ""))[:100])
        if status != _OK or document is None:
            _log.warning("an issuer does not answer as it should", issuer=self._issuer, url=url, status=status)
            raise self._away()
        return document

    def _away(self) -> Unavailable:
        return Unavailable(f"{self._issuer} does not answer", reason="ISSUER_UNAVAILABLE", retry_after=5.0)


async def _bounded(response: "httpx.Response") -> bytes:
    """Raises ValueError for a body that is too large."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
