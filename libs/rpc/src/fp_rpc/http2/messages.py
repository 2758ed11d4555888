"""The messages of a request, out of the data of its stream."""

import zlib
from collections.abc import Mapping
from typing import Final

from fp_kernel import InvalidArgument, Unimplemented

from fp_rpc.errors import too_large
from fp_rpc.http2.frames import FIRST_WINDOW

_PREFIX: Final = 5
_PLAIN: Final = b"\0"
_LOW: Final = FIRST_WINDOW // 2
_GZIP: Final = zlib.MAX_WBITS | 16
_INFLATED: Final[Mapping[str, int]] = {"gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class Messages:
    """limit: bytes of a message, packed and unpacked. encoding: how messages are packed that say that they are.

    begun: whether anything came.
    """

    __slots__ = ("_credit", "_data", "_encoding", "_limit", "begun")

    def __init__(self, limit: int, encoding: str) -> None:
        self.begun = False
        self._limit = limit
        self._encoding = encoding
        self._credit = FIRST_WINDOW
        self._data: bytes | bytearray = b""

    def take(self, data: bytes) -> bool:
        """Whether so many bytes may come."""
        if len(data) > self._credit:
            return False
        self.begun = True
        self._credit -= len(data)
        if not self._data:
            self._data = data
            return True
        if isinstance(self._data, bytes):
            self._data = bytearray(self._data)
        self._data += data
        return True

    def more(self) -> int:
        """By how much the window must grow for the next message, and to be one of a stream of them."""
        needed = self._end - len(self._data)
        if self._credit >= needed and self._credit >= _LOW:
            return 0
        more = max(needed, FIRST_WINDOW) - self._credit
        self._credit += more
        return more

    def next(self) -> bytes | None:
        """The next message, None while it is not whole.

        Raises InvalidArgument, ResourceExhausted and Unimplemented for one that cannot be taken.
        """
        data, end = self._data, self._end
        if end - _PREFIX > self._limit:
            raise too_large(end - _PREFIX, self._limit)
        if len(data) < end:
            return None
        body, packed = bytes(data[_PREFIX:end]), data[0]
        if len(data) == end:
            self._data = b""
        elif isinstance(data, bytearray):
            del data[:end]
        else:
            self._data = bytearray(data[end:])
        return self._unpacked(body) if packed else body

    def end(self) -> None:
        """Raises InvalidArgument when the request ends within a message."""
        if self._data:
            raise InvalidArgument("the call ends in the middle of a message", reason="MALFORMED_BODY")

    def clear(self) -> None:
        self._data = b""

    @property
    def _end(self) -> int:
        """Where the next message ends, as far as that is known."""
        data = self._data
        return _PREFIX + int.from_bytes(data[1:_PREFIX]) if len(data) >= _PREFIX else _PREFIX

    def _unpacked(self, body: bytes) -> bytes:
        bits = _INFLATED.get(self._encoding)
        if bits is None:
            raise Unimplemented("messages packed in this way are not read")
        inflate = zlib.decompressobj(bits)
        try:
            found = inflate.decompress(body, self._limit + 1)
        except zlib.error:
            raise _unreadable() from None
        if len(found) > self._limit:
            raise too_large(len(found), self._limit)
        if not inflate.eof:
            raise _unreadable()
        return found


def framed(body: bytes) -> bytes:
    """A message of an answer."""
    return _PLAIN + len(body).to_bytes(4) + body


def _unreadable() -> InvalidArgument:
    return InvalidArgument("the body cannot be unpacked", reason="MALFORMED_BODY")
