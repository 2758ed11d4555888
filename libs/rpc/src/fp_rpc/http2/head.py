"""What the headers of a request say."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fp_rpc.http2.headers import Entry

_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])")
_SECONDS: Final = {"H": 3_600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
# Of the transport; handlers get the others, as from gRPC.
OWN: Final = frozenset(
    ("te", "content-type", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "content-length")
)
_PSEUDO: Final = frozenset((":method", ":scheme", ":path", ":authority", ":protocol"))
# Of connections of HTTP/1.
FOREIGN: Final = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"))
_REQUIRED: Final = frozenset((":method", ":scheme", ":path"))
_ONCE: Final = "content-length"
_TE: Final = "trailers"
_OK: Final = 200
_METHOD_NOT_ALLOWED: Final = 405
_NOT_GRPC: Final = 415


@dataclass(frozen=True, slots=True)
class Head:
    """http: status that answers what is no call of gRPC. malformed: no header may look like that.

    timeout: seconds from the caller; None when he set no deadline. size: as HTTP/2 counts lists of headers.
    has_pseudo: whether it may not end a request. length: bytes of data that will come; None where nothing says so.
    """

    path: str
    metadata: Mapping[str, str | bytes]
    timeout: float | None
    encoding: str
    size: int
    http: int
    malformed: bool
    has_pseudo: bool
    length: int | None


def head_of(entries: Iterable[Entry]) -> Head:
    fields: dict[str, str | bytes] = {}
    own: dict[str, str] = {}
    size, malformed, regular = 0, False, False
    for name, value, cost in entries:
        size += cost
        if value is None or not name:
            malformed = True
        elif name[0] == ":":
            # Of a request, each once and before all others.
            malformed = malformed or regular or name in own or name not in _PSEUDO
            own[name] = str(value)
        elif name in OWN:
            regular = True
            # Of two lengths nobody knows which one a proxy in front believed.
            malformed = malformed or (name == _ONCE and name in own)
            own[name] = str(value)
        elif name in FOREIGN:
            malformed = True
        else:
            regular = True
            fields[name] = value
    timeout, wrong = _timeout(own.get("grpc-timeout"))
    length = own.get(_ONCE)
    wrong = wrong or (length is not None and _LENGTH.fullmatch(length) is None)
    path = own.get(":path", "")
    return Head(
        path,
        fields,
        timeout,
        own.get("grpc-encoding", "identity"),
        size,
        _status(own),
        malformed or wrong or not path or not own.keys() >= _REQUIRED or own.get("te", _TE) != _TE,
        any(name in own for name in _PSEUDO),
        None if wrong or length is None else int(length),
    )


def length_of(text: str | None) -> int | None:
    return int(text) if text is not None and _LENGTH.fullmatch(text) else None


def _status(own: Mapping[str, str]) -> int:
    if own.get(":method") != "POST":
        return _METHOD_NOT_ALLOWED
    kind = own.get("content-type", "")
    return (
        _OK if kind == "application/grpc" or kind.startswith(("application/grpc+", "application/grpc;")) else _NOT_GRPC
    )


def _timeout(text: str | None) -> tuple[float | None, bool]:
    """Seconds, and whether the text means nothing."""
    if text is None:
        return None, False
    found = _TIMEOUT.fullmatch(text)
    if found is None:
        return None, True
    return int(found[1]) * _SECONDS[found[2]], False
