"""Headers that a server sends, packed without a table: a proxy and a client read them at once, and nothing is kept."""

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

Metadata = Iterable[tuple[str, str | bytes]]

# `:status: 200` is in the fixed table, and so is the name `content-type`.
BEGIN: Final = b"\x88\x0f\x10\x10application/grpc"
_PLAIN: Final = re.compile(r"[ -$&-~]*")
_SAFE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_BINARY: Final = "-bin"
_FITS: Final = 0x7F


def packed(metadata: Metadata) -> bytes:
    return b"".join(_field(name, value) for name, value in metadata)


def status_block(status: int, message: str) -> bytes:
    block = _status(status)
    if message:
        block += _field("grpc-message", message if _PLAIN.fullmatch(message) else quote(message, safe=_SAFE))
    return block


@lru_cache(maxsize=32)
def http_status(status: int) -> bytes:
    """The head of an answer to what is no call of gRPC."""
    return b"\x08" + _text(str(status).encode())


def fields(kind: str, size: int) -> bytes:
    """Of an answer that is a document: its media type and length, whose names are in the fixed table."""
    return _kind(kind) + b"\x0f\x0d" + _text(str(size).encode())


@lru_cache(maxsize=32)
def _kind(kind: str) -> bytes:
    return b"\x0f\x10" + _text(kind.encode())


@lru_cache(maxsize=32)
def _status(status: int) -> bytes:
    return _field("grpc-status", str(status))


def _field(name: str, value: Any) -> bytes:
    raw: bytes = value if isinstance(value, bytes) else value.encode()
    if name.endswith(_BINARY):
        raw = base64.b64encode(raw).rstrip(b"=")
    return _name(name) + _text(raw)


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    return b"\0" + _text(name.encode())


def _text(raw: bytes) -> bytes:
    size = len(raw)
    if size < _FITS:
        return size.to_bytes(1) + raw
    head, size = bytearray((_FITS,)), size - _FITS
    while size > _FITS:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + raw
