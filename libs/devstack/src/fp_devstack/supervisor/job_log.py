"""The output of one job, readable by line number while it grows."""

import json
import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

_LINES, _BYTES, _LINE_BYTES = 100_000, 16 * 1024 * 1024, 16_384
_PAGE_LINES, _PAGE_BYTES = 1000, 512 * 1024
SECRETS = "FP_JOB_SECRETS"
"""The variable with a job's secrets, JSON by reference."""
_MASK = b"***"
_SHORTEST = 4
_NOTE = b"[the rest of this log was dropped: it reached its limit]\n"


class JobLog:
    """Whole lines are appended; a line that is too long is cut, and a log that is too long ends with a note.

    A job's first lines say what it is, so the end is dropped, not the beginning, and line numbers stay true.

    hidden: what never reaches the file; `***` stands in its place.
    """

    def __init__(self, path: Path, hidden: Sequence[bytes] = ()) -> None:
        self._path = path
        # The longest first: one may be a part of another.
        self._hidden = sorted(hidden, key=len, reverse=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # So that no line is cut in the middle of one, whose beginning would then be shown.
        self._margin = max(map(len, self._hidden), default=0)
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

    def _mask(self, line: bytes) -> bytes:
        for each in self._hidden:
            line = line.replace(each, _MASK)
        return line

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


def hidden_in(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """What of the secrets of a job is masked: each value, and each line of one with more; none below four bytes, which
    would stand in half of all lines.
    """
    try:
        values = json.loads(environment.get(SECRETS, "{}")).values()
    except (ValueError, AttributeError):
        return ()
    lines = {line for value in values for line in (value, *value.splitlines()) if isinstance(value, str)}
    return tuple(line.encode() for line in lines if len(line.encode()) >= _SHORTEST and "\n" not in line)


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
