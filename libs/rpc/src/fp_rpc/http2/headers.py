"""Headers of requests as HPACK packs them (RFC 7541).

What clients send again is a reference to what they sent before, so that each text is decoded and checked once a
connection.
"""

import base64
import binascii
import re
from collections import deque
from functools import cache, lru_cache
from typing import Final

from hpack.huffman_table import HUFFMAN_COMPLETE, HUFFMAN_EMIT_SYMBOL, HUFFMAN_FAIL, HUFFMAN_TABLE
from hpack.table import HeaderTable

from fp_rpc.http2.frames import Code, ConnectionFailed

TABLE_BYTES: Final = 4_096
_OVERHEAD: Final = 32
_STATIC: Final = len(HeaderTable.STATIC_TABLE)
_NAME: Final = re.compile(rb":?[0-9a-z_.!#$%&'*+^`|~-]+")
_CONTROL: Final = re.compile(rb"[\0\r\n]")
_BINARY: Final = "-bin"
_LONGEST_NUMBER: Final = 5
# Of a list; a few bytes can refer to a large entry many times.
_LARGEST: Final = 64 * 1024
# Packed texts that are remembered.
_REMEMBERED: Final = 2_048

Value = str | bytes | None
"""Of a name that ends in `-bin` the bytes that are meant; None for what no header may hold."""
Entry = tuple[str, Value, int]
"""Name, value, and what it counts in tables and lists."""


class Headers:
    """The decoder of one connection. generation: of what references mean; another one after each change."""

    def __init__(self) -> None:
        self.generation = 0
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._limit = TABLE_BYTES

    def decode(self, block: bytes) -> list[Entry]:
        """Raises ConnectionFailed: after that references mean nothing any more."""
        try:
            return self._decoded(block)
        except IndexError:
            raise _failed("headers that end too early") from None

    def _decoded(self, block: bytes) -> list[Entry]:
        found: list[Entry] = []
        at, end, size = 0, len(block), 0
        while at < end:
            first = block[at]
            if first & 0x80:
                index, at = _number(block, at, 0x7F)
                entry = self._entry(index)
            elif first & 0x40:
                entry, at = self._literal(block, at, 0x3F)
                self._add(entry)
            elif first & 0x20:
                limit, at = _number(block, at, 0x1F)
                if found or limit > TABLE_BYTES:
                    raise _failed("a table of another size than agreed")
                self._limit = limit
                self._shrink()
                continue
            else:
                entry, at = self._literal(block, at, 0x0F)
            found.append(entry)
            size += entry[2]
            if size > _LARGEST:
                raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "headers that unpack to too many bytes")
        return found

    def _entry(self, index: int) -> Entry:
        if 0 < index <= _STATIC:
            return _FIXED[index - 1]
        if index and index - _STATIC <= len(self._entries):
            return self._entries[index - _STATIC - 1]
        raise _failed("a reference to nothing")

    def _literal(self, block: bytes, at: int, mask: int) -> tuple[Entry, int]:
        index, at = _number(block, at, mask)
        if index:
            name: str | None = self._entry(index)[0]
        else:
            raw, at = _text(block, at)
            name = raw.decode() if _NAME.fullmatch(raw) else None
        raw, at = _text(block, at)
        if name is None:
            return ("", None, len(raw) + _OVERHEAD), at
        return (name, _value(name, raw), len(name) + len(raw) + _OVERHEAD), at

    def _add(self, entry: Entry) -> None:
        self._entries.appendleft(entry)
        self._bytes += entry[2]
        self._shrink()

    def _shrink(self) -> None:
        self.generation += 1
        while self._bytes > self._limit:
            self._bytes -= self._entries.pop()[2]


def _value(name: str, raw: bytes) -> Value:
    if name.endswith(_BINARY):
        try:
            # A proxy may join several by commas; as of headers that come twice the last one holds.
            last = raw.rpartition(b",")[2].strip()
            return base64.b64decode(last + b"=" * (-len(last) % 4), validate=True)
        except binascii.Error:
            return None
    if _CONTROL.search(raw):
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _number(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """A number that begins in the bits of `mask`, and where it ends."""
    found = block[at] & mask
    at += 1
    if found < mask:
        return found, at
    for shift in range(0, 7 * _LONGEST_NUMBER, 7):
        byte = block[at]
        at += 1
        found += (byte & 0x7F) << shift
        if not byte & 0x80:
            return found, at
    raise _failed("a number without end")


def _text(block: bytes, at: int) -> tuple[bytes, int]:
    packed = block[at] & 0x80
    size, at = _number(block, at, 0x7F)
    end = at + size
    if end > len(block):
        raise _failed("a text that ends too early")
    raw = block[at:end]
    if not packed:
        return raw, end
    return (_unpacked(raw) if size <= _REMEMBERED else _unpack(raw)), end


@lru_cache(maxsize=1_024)
def _unpacked(raw: bytes) -> bytes:
    """Texts such as tokens come again and again, by proxies that remember none."""
    return _unpack(raw)


def _unpack(raw: bytes) -> bytes:
    """Out of Huffman's code."""
    state, ended, parts = 0, True, []
    for byte in raw:
        state, ended, part = _step(state, byte)
        if part:
            parts.append(part)
    if not ended:
        raise _failed("a text that ends in the middle of a character")
    return b"".join(parts)


@cache
def _step(state: int, byte: int) -> tuple[int, bool, bytes]:
    """The next state, whether a text may end there, and the characters that end in this byte."""
    characters, flags = bytearray(), 0
    for nibble in (byte >> 4, byte & 0x0F):
        state, flags, character = HUFFMAN_TABLE[state * 16 + nibble]
        if flags & HUFFMAN_FAIL:
            raise _failed("a text that is no text")
        if flags & HUFFMAN_EMIT_SYMBOL:
            characters.append(character)
    return state, bool(flags & HUFFMAN_COMPLETE), bytes(characters)


def _failed(why: str) -> ConnectionFailed:
    return ConnectionFailed(Code.COMPRESSION_ERROR, why)


_FIXED: Final[tuple[Entry, ...]] = tuple(
    (name.decode(), value.decode(), len(name) + len(value) + _OVERHEAD) for name, value in HeaderTable.STATIC_TABLE
)
