"""The files of a spool, numbered upwards; only the newest is written."""

import os
from collections.abc import Sequence
from pathlib import Path

from fp_inference.adapters.spool.cursor import Position
from fp_inference.adapters.spool.frames import MAX_RECORD, Torn, unframe

_SUFFIX = ".spool"
_READ = 64 * 1024
_LARGEST = MAX_RECORD + 64

Found = list[tuple[Sequence[bytes], Position]]


class Segments:
    """Sizes are kept here and never asked of the file system again: this process alone writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes = {int(path.stem): path.stat().st_size for path in folder.glob(f"*{_SUFFIX}")}
        self.bytes = sum(self._sizes.values())
        self._writer = -1
        self._current = 0
        self._reader = -1
        self._reading = -1

    @property
    def end(self) -> Position:
        """Where the next record goes."""
        return Position(self._current, self._sizes[self._current])

    def newest_first(self) -> list[int]:
        """Those that have something in them."""
        return sorted((number for number, size in self._sizes.items() if size), reverse=True)

    def start(self, *, after: int) -> None:
        """Begin a new segment, numbered higher than all others and than `after`."""
        self._current = max([after, *self._sizes]) + 1
        if self._writer >= 0:
            os.close(self._writer)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._writer = os.open(self._path(self._current), flags, 0o600)
        self._sizes[self._current] = 0

    def write(self, data: bytes) -> None:
        """All of it or nothing. Raises OSError when the disk takes no more."""
        size = self._sizes[self._current]
        written = 0
        try:
            written = os.write(self._writer, data)
        finally:
            if written != len(data):
                os.ftruncate(self._writer, size)
        if written != len(data):
            raise OSError(0, "the disk is full")
        self._sizes[self._current] = size + written
        self.bytes += written

    def read(self, position: Position, limit: int) -> tuple[Found, bool]:
        """Records from `position` in its segment, at most `limit`, and whether what follows there is no record."""
        size = self._sizes.get(position.segment, 0)
        if position.offset >= size:
            return [], False
        found, torn = self._parse(position, limit, _READ)
        if not found and not torn and size - position.offset > _READ:
            found, torn = self._parse(position, limit, _LARGEST)
        return found, torn or not found

    def following(self, segment: int) -> int | None:
        """The next segment, for whoever read this one to its end; None while it is the newest."""
        return min((number for number in self._sizes if number > segment), default=None)

    def written_after(self, time: float) -> int:
        """The first segment that was written at or after this time, in seconds since 1970; else the newest."""
        older = (number for number in sorted(self._sizes) if self._path(number).stat().st_mtime >= time)
        return min(next(older, self._current), self._current)

    def drop(self, *, before: int) -> None:
        """Remove the segments with lower numbers."""
        for number in [number for number in self._sizes if number < before]:
            self._path(number).unlink(missing_ok=True)
            self.bytes -= self._sizes.pop(number)

    def close(self) -> None:
        for file in (self._writer, self._reader):
            if file >= 0:
                os.close(file)

    def _parse(self, position: Position, limit: int, amount: int) -> tuple[Found, bool]:
        buffer = os.pread(self._opened(position.segment), amount, position.offset)
        found: Found = []
        offset = 0
        try:
            while len(found) < limit and (record := unframe(buffer, offset)) is not None:
                sections, offset = record
                found.append((sections, Position(position.segment, position.offset + offset)))
        except Torn:
            return found, not found
        return found, False

    def _opened(self, segment: int) -> int:
        if segment != self._reading:
            if self._reader >= 0:
                os.close(self._reader)
            self._reader = os.open(self._path(segment), os.O_RDONLY | os.O_CLOEXEC)
            self._reading = segment
        return self._reader

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{_SUFFIX}"
