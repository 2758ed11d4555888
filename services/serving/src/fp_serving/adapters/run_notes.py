"""Which versions run at this moment, in a file that outlives the process: what ran when it ended may have ended it
(ADR 0240).
"""

import fcntl
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# Of each place: the id of its version, and a byte for each runner that says whether it runs now.
_ID = 64
_RUNNERS = 64
_PLACE = _ID + _RUNNERS
_PLACES = 4_096
_SIZE = _PLACE * _PLACES
_PART = ".part-"


class RunPlace:
    """Of one version. Two bytes of memory are written for a run; the system writes the file when it likes, and has
    them when the process is gone.
    """

    def __init__(self, notes: "RunNotes | None" = None, at: int = 0) -> None:
        self._notes = notes
        self._at = at
        self._memory: mmap.mmap | bytearray = notes.memory if notes is not None else bytearray(_PLACE)

    def begin(self, runner: int) -> None:
        self._memory[self._at + _ID + runner % _RUNNERS] = 1

    def end(self, runner: int) -> None:
        self._memory[self._at + _ID + runner % _RUNNERS] = 0

    def release(self) -> None:
        """No run of it follows."""
        if self._notes is not None:
            self._notes.free(self._at)
            self._notes, self._memory = None, bytearray(self._at + _PLACE)


class RunNotes:
    """folder: may be shared by the runtimes of one machine; a lock, which ends with its process, tells one that lives
    from one that has ended.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.left = tuple(_left(folder))
        """Ids of versions that ran when their process ended, once for each that did."""
        self._handle, self._path = _own(folder)
        self.memory = mmap.mmap(self._handle, _SIZE)
        self._free = list(range(0, _SIZE, _PLACE))[::-1]

    def place(self, version_id: str) -> RunPlace:
        """Of a version that is loaded now; beyond 4,096 of them nobody is blamed for the rest."""
        name = version_id.encode()
        if not self._free or len(name) > _ID:
            return RunPlace()
        at = self._free.pop()
        self.memory[at : at + _PLACE] = name.ljust(_PLACE, b"\0")
        return RunPlace(self, at)

    def free(self, at: int) -> None:
        self.memory[at : at + _PLACE] = bytes(_PLACE)
        self._free.append(at)

    async def close(self) -> None:
        """The process ends because it was told to: what still runs is to blame for nothing."""
        self._path.unlink(missing_ok=True)


def _own(folder: Path) -> tuple[int, Path]:
    while True:
        handle, name = tempfile.mkstemp(prefix=_PART, dir=folder)
        os.ftruncate(handle, _SIZE)
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Under its name only with its lock: whoever looks would take it for one that has ended.
        path = Path(name)
        try:
            return handle, path.rename(path.with_name(path.name.removeprefix(_PART)))
        except FileNotFoundError:
            # Another process that starts now looked before the lock was taken, and removed it.
            os.close(handle)


def _left(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(file.fileno()).st_nlink:
                # Another process that starts now has read it: one end is told once.
                continue
            # One that died before it had its name has written nothing.
            yield from set() if path.name.startswith(_PART) else _running(file.read(_SIZE))
            path.unlink(missing_ok=True)


def _running(content: bytes) -> set[str]:
    places = (content[at : at + _PLACE] for at in range(0, len(content), _PLACE))
    return {place[:_ID].rstrip(b"\0").decode(errors="replace") for place in places if any(place[_ID:])}
