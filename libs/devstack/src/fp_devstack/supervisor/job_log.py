"""The output of one job, readable by line number while it grows."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from fp_supervisor.masking import Mask

_LINES, _BYTES, _LINE_BYTES = 100_000, 16 * 1024 * 1024, 16_384
_PAGE_LINES, _PAGE_BYTES = 1000, 512 * 1024
_NOTE = b"[the rest of this log was dropped: it reached its limit]\n"


class JobLog:
    """Whole lines are appended; a line that is too long is cut, and a log that is too long ends with a note.

    A job's first lines say what it is, so the end is dropped, not the beginning, and line numbers stay true.

    hidden: what never reaches the file; `***` stands in its place.
    """

    def __init__(self, path: Path, hidden: Sequence[bytes] = ()) -> None:
        self._path = path
        self._mask = Mask(hidden)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # So that no line is cut in the middle of one, whose beginning would then be shown.
        self._margin = self._mask.longest
        self._rest = b""
        self._bytes = 0
        self._full = False
        self.lines = 0

    def write(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._append(whole)
        if len(self._rest) > _LINE_BYTES + self._margin:
            # Kept within its bound; the remainder of the line is cut when its end arrives.
            self._rest = self._mask(self._rest)[: _LINE_BYTES + 1]

    def close(self) -> None:
        if self._rest:
            self._append([self._rest])
            self._rest = b""
        os.close(self._descriptor)

    def _append(self, whole: list[bytes]) -> None:
        room = max(0, _LINES - self.lines)
        lines = [self._mask(line)[:_LINE_BYTES] + b"\n" for line in whole[:room]]
        text = b"".join(lines)
        if self._full or not whole:
            return
        if len(whole) > room or self._bytes + len(text) > _BYTES:
            self._full = True
            lines, text = [_NOTE], _NOTE
        try:
            os.write(self._descriptor, text)
        except OSError:  # a full disk loses lines, not the job
            return
        self._bytes += len(text)
        self.lines += len(lines)


def page(path: Path, after_line: int, limit: int) -> tuple[list[str], bool]:
    """Lines after the first `after_line` ones, and whether the file has no more. Slow for long files: use a thread."""
    lines: list[str] = []
    size = 0
    try:
        with path.open("rb") as file:
            for raw in islice(file, after_line, None):
                if not raw.endswith(b"\n"):
                    break  # being written
                if len(lines) >= min(limit, _PAGE_LINES) or size >= _PAGE_BYTES:
                    return lines, False
                lines.append(raw[:-1].decode("utf-8", "replace"))
                size += len(raw)
    except FileNotFoundError:
        pass
    return lines, True
