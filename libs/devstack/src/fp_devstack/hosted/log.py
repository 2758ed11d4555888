"""A store writes to a file; the log of a pod is its output."""

import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.2
_CHUNK_BYTES = 65_536


class LogFollower:
    """Copies what is appended to the file to the output, from its end at the beginning."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = file.stat().st_size if file.exists() else 0
        self._end = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._follow, name="log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._end.wait(_POLL_SECONDS):
            self.copy()
        self.copy()

    def copy(self) -> None:
        """What is new."""
        if not self._file.exists():
            return
        with self._turn, self._file.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._at:  # it was emptied, or moved aside
                self._at = 0
            file.seek(self._at)
            while chunk := file.read(_CHUNK_BYTES):
                sys.stdout.buffer.write(chunk)
            self._at = file.tell()
            sys.stdout.flush()
