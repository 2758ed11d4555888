"""How far the spool was published, kept in a file."""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_BODY = struct.Struct("<QQQQ")
# As it was written before there were rounds: only what is done.
_SHORT = struct.Struct("<QQ")
_CHECK = struct.Struct("<I")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """segment: number of the file. offset: bytes in it."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Progress:
    """done: everything before is published. taken: up to where the next round goes, once one was begun."""

    done: Position
    taken: Position


_BEGINNING = Progress(Position(0, 0), Position(0, 0))


class Cursor:
    """One small write a round. A cursor that cannot be read means the beginning: events are published again, and
    everyone knows them by their ids.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def load(self) -> Progress:
        raw = os.pread(self._file, _BODY.size + _CHECK.size, 0)
        if (whole := _checked(raw, _BODY)) is not None:
            return Progress(Position(*whole[:2]), Position(*whole[2:]))
        if (short := _checked(raw, _SHORT)) is not None:
            return Progress(Position(*short), Position(*short))
        return _BEGINNING

    def save(self, progress: Progress) -> None:
        done, taken = progress.done, progress.taken
        body = _BODY.pack(done.segment, done.offset, taken.segment, taken.offset)
        os.pwrite(self._file, body + _CHECK.pack(zlib.crc32(body)), 0)

    def close(self) -> None:
        os.close(self._file)


def _checked(raw: bytes, form: struct.Struct) -> tuple[int, ...] | None:
    body, check = raw[: form.size], raw[form.size : form.size + _CHECK.size]
    if len(check) < _CHECK.size or _CHECK.pack(zlib.crc32(body)) != check:
        return None
    return form.unpack(body)
