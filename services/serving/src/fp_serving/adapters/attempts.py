"""Loads under way, and runs that a process has not survived, as files that outlive it."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from fp_kernel import Clock

from fp_serving.app.slot import VersionFacts
from fp_serving.domain.lifecycle import Quarantined

_MOST = 2
_DAY = timedelta(days=1)
_LONGEST = 4_096


class LoadAttempts:
    """folder: may be shared by the runtimes of one machine; a lock, which ends with its process, tells a load that goes
    on from one that ended its process. most: of these, and of runs that ended one, before a version is refused, for a
    day after the last.
    """

    def __init__(self, folder: Path, clock: Clock, *, most: int = _MOST) -> None:
        self._folder = folder
        self._clock = clock
        self._most = most

    @asynccontextmanager
    async def attempt(self, facts: VersionFacts) -> AsyncIterator[None]:
        """Raises Quarantined."""
        handle = await asyncio.to_thread(self._begin, facts.version_id)
        try:
            yield
        finally:
            if handle is not None:
                await asyncio.shield(asyncio.to_thread(self._end, facts.version_id, handle))

    def crashed(self, version_id: str) -> None:
        """It ran when a process ended. Blocking."""
        path = self._crashes(version_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"{self._clock.now().isoformat()}\n")

    def _begin(self, version_id: str) -> int | None:
        path = self._path(version_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._forget()
        runs = len(_recent(_read(self._crashes(version_id)), self._clock.now()))
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another process loads the same version just now, and will say how that ended.
            os.close(handle)
            return None
        ended = len(_recent(os.pread(handle, _LONGEST, 0), self._clock.now()))
        if ended + runs >= self._most:
            os.close(handle)
            raise Quarantined(f"loading it has ended {ended} processes, running it {runs}; it needs one of its own")
        # A line for each load that was begun and not ended.
        os.write(handle, f"{self._clock.now().isoformat()}\n".encode())
        return handle

    def _end(self, version_id: str, handle: int) -> None:
        self._path(version_id).unlink(missing_ok=True)
        os.close(handle)

    def _forget(self) -> None:
        for path in (*self._folder.iterdir(), *self._crashes("").parent.glob("*")):
            with suppress(FileNotFoundError, IsADirectoryError):
                if not _recent(path.read_bytes(), self._clock.now()):
                    path.unlink(missing_ok=True)

    def _path(self, version_id: str) -> Path:
        return self._folder / hashlib.sha256(version_id.encode()).hexdigest()

    def _crashes(self, version_id: str) -> Path:
        return self._folder / "crashed" / self._path(version_id).name


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()[-_LONGEST:]
    except FileNotFoundError:
        return b""


def _recent(lines: bytes, now: datetime) -> list[datetime]:
    """Moments of the last day; a line that a dying process has not finished is none."""
    moments: list[datetime] = []
    for line in lines.decode(errors="replace").splitlines():
        with suppress(ValueError):
            moments.append(datetime.fromisoformat(line))
    return [moment for moment in moments if now - moment < _DAY]
