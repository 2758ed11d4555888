"""How far the spool was published, kept in a file."""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_BODY = struct.Struct("<QQ")
_CHECK = struct.Struct("<I")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """segment: number of the file. offset: bytes in it."""

    segment: int
    offset: int


class Cursor:
    """One small write a batch. A cursor that cannot be read means the beginning: events are published again, and
    everyone knows them by their ids.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def load(self) -> Position:
        raw = os.pread(self._file, _BODY.size + _CHECK.size, 0)
        body = raw[: _BODY.size]
        if len(raw) < _BODY.size + _CHECK.size or _CHECK.pack(zlib.crc32(body)) != raw[_BODY.size :]:
            return Position(0, 0)
        return Position(*_BODY.unpack(body))

    def save(self, position: Position) -> None:
        body = _BODY.pack(position.segment, position.offset)
        os.pwrite(self._file, body + _CHECK.pack(zlib.crc32(body)), 0)

    def close(self) -> None:
        os.close(self._file)
