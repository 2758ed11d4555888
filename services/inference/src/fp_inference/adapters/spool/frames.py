"""Records in a segment file: length, checksum, sections.

A record is written by one write(2). A process that is killed in the middle leaves a torn record at the end, and its
caller never got an answer.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence

Sections = Sequence[bytes]

_HEAD = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
MAX_RECORD = 4 * 1024 * 1024


class Torn(Exception):
    """From here on the bytes are no record."""


def frame(sections: Sequence[bytes]) -> bytes:
    """Raises ValueError for a record over 4 MiB."""
    parts: list[bytes] = []
    for section in sections:
        parts += (_LENGTH.pack(len(section)), section)
    payload = b"".join(parts)
    if len(payload) > MAX_RECORD:
        raise ValueError(f"a record of {len(payload)} bytes is too large")
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def unframe(buffer: bytes, offset: int) -> tuple[Sequence[bytes], int] | None:
    """The record at `offset` and the offset after it; None when the buffer ends before it does.

    Raises Torn when what is there is no record.
    """
    start = offset + _HEAD.size
    if start > len(buffer):
        return None
    length, checksum = _HEAD.unpack_from(buffer, offset)
    if length > MAX_RECORD:
        raise Torn
    end = start + length
    if end > len(buffer):
        return None
    payload = buffer[start:end]
    if zlib.crc32(payload) != checksum:
        raise Torn
    return tuple(_sections(payload)), end


def _sections(payload: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(payload):
        start = offset + _LENGTH.size
        offset = start + _LENGTH.unpack_from(payload, offset)[0]
        yield payload[start:offset]
