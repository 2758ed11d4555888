"""An append-only log of bounded size, read by one tailer in the same process."""

import asyncio
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fp_kernel import new_id
from fp_telemetry import get_logger

from fp_inference.adapters.spool.counts import Counts
from fp_inference.adapters.spool.cursor import Cursor, Position, Progress
from fp_inference.adapters.spool.frames import Sections, frame
from fp_inference.adapters.spool.layouts import Layouts
from fp_inference.adapters.spool.raw import Raw
from fp_inference.adapters.spool.records import Record, Report, pack, unpack
from fp_inference.adapters.spool.segments import Found, Segments

_SCAN = 256
# Records that are read in one go of a round.
_PIECE = 16
_REFUSED_BYTES = 32 * 1024 * 1024

_log = get_logger(__name__)


class SpoolFull(Exception):
    """There is no room, in the spool's bound or on the disk."""


class SpoolTaken(Exception):
    """Another process has the folder."""


@dataclass(frozen=True, slots=True)
class Entry:
    """before, after: where it starts, and where the next one does."""

    record: Record
    before: Position
    after: Position


class Spool:
    """`append` is one write(2): what it returned from survives the end of the process, though not of the machine.

    A process starts a new segment; those of earlier ones are only read. A segment goes when all of it is published.
    max_bytes: of all segments together. segment_bytes: a segment that is larger is followed by another.
    refused_bytes: of what was set aside, in each of two files: nobody reads it for as long as nobody looks.
    """

    def __init__(
        self, folder: Path, *, max_bytes: int, segment_bytes: int, refused_bytes: int = _REFUSED_BYTES
    ) -> None:
        """Raises SpoolTaken."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = _locked(folder)
        self.layouts = Layouts(folder)
        self._segments = Segments(folder)
        self._cursor = Cursor(folder / "cursor")
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._refused_bytes = refused_bytes
        self._progress = self._cursor.load()
        self._read_at = self._progress.done
        self.name = _name(folder / "name")
        self.changed = asyncio.Event()
        if self._segments.bytes:
            self.changed.set()
        if next(self.unpublished(), None) is None:
            self.layouts.clear()
        self._counts = Counts()
        self._count_again()
        self._segments.start(after=self._progress.done.segment)
        self.count()

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
            if not self._segments.end.offset:
                self._write_counts()
            self._segments.write(data)
        except OSError as error:
            _log.error("spool cannot be written", reason=error.strerror)
            raise SpoolFull from error
        self._counts.add(record)
        self.changed.set()

    def lost(self, team: str, at: datetime, rows: int) -> None:
        """Count a prediction, answered at `at`, that could not be appended."""
        self._counts.lose(team, at, rows)

    def count(self) -> None:
        """Append how much was appended, or lost, since the last count; beside the bound, since it says what is lost.

        A count is as durable as a prediction. Each segment begins with one, so that a process that was killed left all
        that is not counted in its newest segment.
        """
        try:
            self._write_counts()
        except OSError as error:
            _log.error("predictions will be counted later", reason=error.strerror)

    def read(self, limit: int) -> list[Entry]:
        """The next records, at most `limit`; empty when there are no more."""
        entries: list[Entry] = []
        while len(entries) < limit:
            more, following = self._next(self._read_at, limit - len(entries))
            entries += more
            if following == self._read_at:
                break
            self._read_at = following
        return entries

    def take(self, limit: int) -> list[Entry]:
        """The records of the next round. They stay together until they are committed, also over the end of the process:
        else what is published again would be cut otherwise and have other ids.
        """
        return [entry for some in self.taking(limit) for entry in some]

    def taking(self, limit: int) -> Iterator[Sequence[Entry]]:
        """As `take`, some at a time: whoever answers calls meanwhile lets them have their turn in between."""
        done, taken = self._progress.done, self._progress.taken
        begun, count, end = taken > done, 0, done
        self._read_at = done
        while (begun or count < limit) and (found := self.read(_PIECE if begun else min(_PIECE, limit - count))):
            count, end = count + len(found), found[-1].after
            yield [entry for entry in found if not begun or entry.after <= taken]
            if begun and end >= taken:
                return
        if end > done and not begun:
            self._move(Progress(done, end))

    def unpublished(self) -> Iterator[Record]:
        """All that is not committed now, read beside the rounds."""
        at = self._progress.done
        while True:
            entries, following = self._next(at, _SCAN)
            yield from (entry.record for entry in entries)
            if following == at:
                return
            at = following

    def commit(self, position: Position) -> None:
        """Everything before is published."""
        done = max(position, self._progress.done)
        self._move(Progress(done, done))
        self._segments.drop(before=done.segment)

    def expire(self, before: float) -> int:
        """Drop segments that were last written before this time, in seconds since 1970; how many bytes that were."""
        oldest = self._segments.written_after(before)
        if oldest <= self._progress.done.segment:
            return 0
        size = self._segments.bytes
        self.commit(Position(oldest, 0))
        return size - self._segments.bytes

    def set_aside(self, sections: Sections) -> None:
        """Keep what can never be published where a person finds it; of very much of it the newest."""
        path = self._folder / "refused"
        with path.open("ab") as file:
            file.write(frame(sections))
            size = file.tell()
        if size >= self._refused_bytes:
            path.replace(path.with_name("refused.1"))

    def _write_counts(self) -> None:
        """Raises OSError; the counts go on growing then."""
        records = [frame(pack(Record(event, None))) for event in self._counts.events()]
        if records:
            self._segments.write(b"".join(records))
            self._counts.clear()
            self.changed.set()

    def _count_again(self) -> None:
        """What the process before recorded behind its last count. The last segment with a prediction began with a whole
        count; later ones hold counts, or what was torn.
        """
        found: list[list[Record]] = []
        for segment in self._segments.newest_first():
            found.append(list(self._within(segment)))
            if any(isinstance(record.report, Report | Raw) for record in found[-1]):
                break
        for records in reversed(found):
            self._counts.replay(records)

    def _within(self, segment: int) -> Iterator[Record]:
        at = Position(segment, 0)
        while at.segment == segment:
            entries, following = self._next(at, _SCAN)
            yield from (entry.record for entry in entries)
            if following == at:
                return
            at = following

    def _next(self, at: Position, limit: int) -> tuple[list[Entry], Position]:
        """Records from `at` in its segment and where to go on; there when that is the end."""
        found, torn = self._segments.read(at, limit)
        if found:
            return self._entries(at, found), found[-1][1]
        following = self._segments.following(at.segment)
        if torn and following is None:
            # Only a damaged disk does that to the segment of this process: what comes goes into another one.
            self._segments.start(after=at.segment)
            following = self._segments.end.segment
        if torn:
            # The last write of a process that was killed: nobody got an answer for it.
            _log.warning("spool segment ends in a torn record", segment=at.segment)
        return [], at if following is None else Position(following, 0)

    def _entries(self, at: Position, found: Found) -> list[Entry]:
        entries = []
        for sections, after in found:
            try:
                entries.append(Entry(unpack(sections), at, after))
            except Exception as error:  # noqa: BLE001 -- of whatever kind: it would stop all that follow for ever
                _log.error("a record of the spool cannot be read", kind=type(error).__name__, segment=at.segment)
                self.set_aside(sections)
            at = after
        return entries

    def _move(self, progress: Progress) -> None:
        self._progress = progress
        self._cursor.save(progress)

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


def _name(path: Path) -> str:
    """A name unlike that of any other spool, made with its folder."""
    if not path.exists():
        path.write_text(new_id())
    return path.read_text()
