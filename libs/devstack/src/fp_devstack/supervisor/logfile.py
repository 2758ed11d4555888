"""Logs that do not fill the disk."""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Protocol

_LIMIT = 16 * 1024 * 1024
_LINE = 300


class Sink(Protocol):
    def write(self, data: bytes) -> None: ...


class LogFile:
    """Appends; at `limit` bytes the file becomes `<name>.1` and a new one begins."""

    def __init__(self, path: Path, *, limit: int = _LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._last = b""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open()

    def write(self, data: bytes) -> None:
        """A full disk loses lines, not the process that wrote them."""
        lines = data.rstrip().rsplit(b"\n", 1)
        self._last = lines[-1][-_LINE:] or self._last
        with contextlib.suppress(OSError):
            self._size += os.write(self._descriptor, data)
            if self._size >= self._limit:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                full = self._descriptor
                self._open()
                os.close(full)

    @property
    def last_line(self) -> str:
        """The last one written, cut; to report why a process ended."""
        return self._last.decode("utf-8", "replace").strip()

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size


async def pump(descriptor: int, sink: Sink) -> None:
    """Moves everything from the pipe into the sink until its writers have closed it; closes the descriptor."""
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while data := await reader.read(65_536):
            sink.write(data)
    finally:
        transport.close()
