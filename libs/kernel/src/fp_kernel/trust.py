"""Whether a store at the other end of a connection proved that it is the one that was meant."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fp_kernel.errors import Unavailable

_REASONS: Final = {
    9: "CERTIFICATE_NOT_YET_VALID",
    10: "CERTIFICATE_EXPIRED",
    18: "CERTIFICATE_OF_UNKNOWN_AUTHORITY",
    19: "CERTIFICATE_OF_UNKNOWN_AUTHORITY",
    20: "CERTIFICATE_OF_UNKNOWN_AUTHORITY",
    21: "CERTIFICATE_OF_UNKNOWN_AUTHORITY",
    62: "CERTIFICATE_OF_ANOTHER_NAME",
    64: "CERTIFICATE_OF_ANOTHER_NAME",
}
"""By the code of OpenSSL's verification."""
NO_TLS: Final = "NO_TLS"
_REFUSED_UPGRADE: Final = "rejected SSL upgrade"  # how asyncpg says it


class SpeaksNoTls(ConnectionError):
    """The server answers in clear text."""


class Untrusted(Unavailable):
    """Nothing was sent to it. The operator mends it, with another certificate or another file of authorities; it may be
    so at the next attempt.

    reason: CERTIFICATE_EXPIRED, _NOT_YET_VALID, _OF_UNKNOWN_AUTHORITY, _OF_ANOTHER_NAME, _REFUSED for whatever else is
    wrong with it, NO_TLS for a server that does not speak it.
    """

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store} is not trusted: {reason.lower().replace('_', ' ')}", reason=reason)


def verified_postgres(url: str, authorities: Path) -> str:
    """The URL with which Postgres is spoken to by TLS alone, and only where it has a certificate of one of these."""
    return with_query(url, "postgresql", {"sslmode": "verify-full", "sslrootcert": str(authorities)})


def with_query(url: str, scheme: str, given: Mapping[str, str]) -> str:
    """The URL with this scheme, and these parameters in place of its own of the same names."""
    parts = urlsplit(url)
    query = urlencode({**dict(parse_qsl(parts.query)), **given})
    return urlunsplit(parts._replace(scheme=scheme, query=query))


def client_context(authorities: Path | None) -> ssl.SSLContext:
    """For one connection: the file is read now, so that a new one counts from the next connection on.

    authorities: those that the system trusts when None.
    """
    return ssl.create_default_context(cafile=str(authorities) if authorities else None)


def distrust(store: str, error: BaseException) -> Untrusted | None:
    """What the failure of a connection says about trust; None when it says nothing."""
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return Untrusted(store, _REASONS.get(each.verify_code, "CERTIFICATE_REFUSED"))
        if isinstance(each, ssl.SSLError) and each.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
            return Untrusted(store, NO_TLS)
        if isinstance(each, SpeaksNoTls) or (isinstance(each, ConnectionError) and _REFUSED_UPGRADE in str(each)):
            return Untrusted(store, NO_TLS)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it is made of, as client libraries pack them."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            inner = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
            waiting += [part for part in inner if isinstance(part, BaseException)]
