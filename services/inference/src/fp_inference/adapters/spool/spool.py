"""An append-only log of bounded size, read by one tailer in the same process."""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fp_telemetry import get_logger

from fp_inference.adapters.spool.cursor import Cursor, Position
from fp_inference.adapters.spool.frames import frame
from fp_inference.adapters.spool.records import Record, pack, unpack
from fp_inference.adapters.spool.segments import Segments

_SCAN = 256

_log = get_logger(__name__)


class SpoolFull(Exception):
    """There is no room, in the spool's bound or on the disk."""


class SpoolTaken(Exception):
    """Another process has the folder."""


@dataclass(frozen=True, slots=True)
class Entry:
    """after: where the next record starts."""

    record: Record
    after: Position


class Spool:
    """`append` is one write(2): what it returned from survives the end of the process, though not of the machine.

    A process starts a new segment; those of earlier ones are only read. A segment goes when all of it is published.
    max_bytes: of all segments together. segment_bytes: a segment that is larger is followed by another.
    """

    def __init__(self, folder: Path, *, max_bytes: int, segment_bytes: int) -> None:
        """Raises SpoolTaken."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = _locked(folder)
        self._segments = Segments(folder)
        self._cursor = Cursor(folder / "cursor")
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._done = self._cursor.load()
        self._read_at = self._done
        self.changed = asyncio.Event()
        if self._segments.bytes:
            self.changed.set()
        self._segments.start(after=self._done.segment)

    @property
    def bytes(self) -> int:
        """Of the segments that are still there."""
        return self._segments.bytes

    @property
    def fullness(self) -> float:
        """0 to 1."""
        return self.bytes / self._max_bytes

    def append(self, record: Record) -> None:
        """Raises SpoolFull; nothing of the record is kept then."""
        data = frame(pack(record))
        if self.bytes + len(data) > self._max_bytes:
            raise SpoolFull
        if self._segments.end.offset >= self._segment_bytes:
            self._segments.start(after=self._segments.end.segment)
        try:
            self._segments.write(data)
        except OSError as error:
            _log.error("spool cannot be written", reason=error.strerror)
            raise SpoolFull from error
        self.changed.set()

    def read(self, limit: int) -> list[Entry]:
        """The next records, at most `limit`; empty when there are no more."""
        entries: list[Entry] = []
        while len(entries) < limit:
            found, torn = self._segments.read(self._read_at, limit - len(entries))
            if found:
                entries += [Entry(unpack(sections), after) for sections, after in found]
                self._read_at = entries[-1].after
                continue
            following = self._segments.following(self._read_at.segment)
            if following is None:
                break
            if torn:
                # The last write of a process that was killed: nobody got an answer for it.
                _log.warning("spool segment ends in a torn record", segment=self._read_at.segment)
            self._read_at = Position(following, 0)
        return entries

    def unpublished(self) -> Iterator[Record]:
        """All that is not committed; reading goes on from the first of them."""
        self.rewind()
        while entries := self.read(_SCAN):
            yield from (entry.record for entry in entries)
        self.rewind()

    def commit(self, position: Position) -> None:
        """Everything before is published."""
        self._done = max(position, self._done)
        self._cursor.save(self._done)
        self._segments.drop(before=self._done.segment)

    def set_aside(self, record: Record) -> None:
        """Keep what can never be published where a person finds it."""
        with (self._folder / "refused").open("ab") as file:
            file.write(frame(pack(record)))

    def rewind(self) -> None:
        """Read again from the first record that is not committed."""
        self._read_at = self._done

    def check(self) -> None:
        """Raises OSError when the folder is gone."""
        (self._folder / "lock").stat()

    def close(self) -> None:
        self._segments.close()
        self._cursor.close()
        os.close(self._lock)


def _locked(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SpoolTaken("another process has the folder of FP_SPOOL_DIR") from None
    return lock
