"""Fields of protobuf messages, from bytes that come in pieces."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

VARINT, BYTES = 0, 2
_FIXED: Final = {1: 8, 5: 4}
_CONTINUED: Final = 0x80
_LONGEST_VARINT: Final = 10
_SIGN: Final = 1 << 63
# Work and memory that a file may cost. The largest models have some hundred thousand fields and names of a mebibyte;
# a file of a few mebibytes made of empty fields would else hold a thread for minutes.
_MOST_FIELDS: Final = 4_000_000
_LONGEST_TEXT: Final = 64 * 1024

Field = tuple[int, Any, int]
"""Number, value and end. The value of a field with a length is None: whoever wants it reads on from here to its end."""


class Unreadable(Exception):
    """The bytes are no ONNX model. The text is for people."""


class Wire:
    """One pass: what was passed over is gone."""

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        self._size = 0
        self._at = 0
        # Position of the piece in the whole.
        self._base = 0
        self._fields = 0

    def fields(self, end: int | None = None) -> Iterator[Field]:
        """The fields up to `end`, a position; to the end of the bytes without it. What nobody reads of one is skipped.

        Raises Unreadable.
        """
        while self._more() if end is None else self._base + self._at < end:
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                raise Unreadable(f"it has more than {_MOST_FIELDS} parts")
            number, kind = divmod(self._varint(), 8)
            value, stop = None, 0
            if kind == BYTES:
                stop = self._varint() + self._base + self._at
            elif kind == VARINT:
                value = self._varint()
                stop = self._base + self._at
            elif kind in _FIXED:
                stop = self._base + self._at + _FIXED[kind]
            if not number or not stop or (end is not None and stop > end):
                raise Unreadable("it is not written as one")
            yield number, value, stop
            left = stop - self._base - self._at
            if left:
                self._skip(left)

    @property
    def at(self) -> int:
        """The position of what is read next."""
        return self._base + self._at

    def take(self, end: int) -> bytes:
        """The bytes up to a position."""
        missing = end - self.at
        if missing <= self._size - self._at:
            found = bytes(self._piece[self._at : self._at + missing])
            self._at += missing
            return found
        parts = []
        while missing > 0:
            if not self._more():
                raise Unreadable("it ends early")
            part = bytes(self._piece[self._at : self._at + missing])
            self._at += len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def text(self, field: Field) -> str:
        """The value of a field that is a name. Raises Unreadable."""
        end = message(field)
        if end - self.at > _LONGEST_TEXT:
            raise Unreadable(f"a name in it has more than {_LONGEST_TEXT} bytes")
        try:
            return self.take(end).decode()
        except UnicodeDecodeError:
            raise Unreadable("a name in it is no text") from None

    def numbers(self, field: Field, most: int) -> list[int]:
        """The numbers of a field that may hold one or many; of too many only the first, one more than `most`."""
        _, value, end = field
        if value is not None:
            return [signed(value)]
        found: list[int] = []
        while self.at < end and len(found) <= most:
            found.append(signed(self._varint()))
        if self.at > end:
            raise Unreadable("it is not written as one")
        return found

    def _varint(self) -> int:
        at = self._at
        if at < self._size and (byte := self._piece[at]) < _CONTINUED:
            self._at = at + 1
            return byte
        value = shift = 0
        for _ in range(_LONGEST_VARINT):
            if not self._more():
                raise Unreadable("it ends early")
            byte = self._piece[self._at]
            self._at += 1
            value |= (byte & ~_CONTINUED) << shift
            if byte < _CONTINUED:
                return value
            shift += 7
        raise Unreadable("it is not written as one")

    def _skip(self, size: int) -> None:
        while size > self._size - self._at:
            size -= self._size - self._at
            self._at = self._size
            if not self._more():
                raise Unreadable("it ends early")
        self._at += size

    def _more(self) -> bool:
        """Whether a byte follows; the next piece is there then."""
        while self._at >= self._size:
            following = next(self._pieces, None)
            if following is None:
                return False
            self._base += self._size
            self._piece, self._size, self._at = memoryview(following), len(following), 0
        return True


def message(field: Field) -> int:
    """The end of a field that has parts. Raises Unreadable when it is a number."""
    _, value, end = field
    if value is not None:
        raise Unreadable("it is not written as one")
    return end


def number(field: Field) -> int:
    """Raises Unreadable when the field has parts."""
    value = field[1]
    if value is None:
        raise Unreadable("it is not written as one")
    return int(value)


def signed(value: int) -> int:
    """As the 64 bits that it was written with."""
    value &= 2 * _SIGN - 1
    return value - 2 * _SIGN if value >= _SIGN else value
