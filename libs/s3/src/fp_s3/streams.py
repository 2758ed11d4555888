"""Contents that pass through in pieces, because an object may have gigabytes."""

import io
from collections.abc import Iterator
from typing import Any, Final

from fp_kernel import Cancelled, Unavailable

PIECE: Final = 1024 * 1024  # bytes


class Pieces:
    """The pieces of an answer.

    size_bytes: what the store announced. stopped: not empty once nobody waits for the result any more; a thread cannot
    be cancelled, so it looks here between two pieces.
    """

    def __init__(self, answer: Any, stopped: list[bool]) -> None:
        self._answer = answer
        self._stopped = stopped
        self._read = 0
        self.size_bytes = int(answer.headers["content-length"])

    def __iter__(self) -> Iterator[bytes]:
        """Raises Unavailable when the answer is shorter than announced."""
        for piece in self._answer.stream(PIECE):
            if self._stopped:
                raise Cancelled("nobody waits for the object any more")
            self._read += len(piece)
            yield piece
        if self._read != self.size_bytes:
            raise Unavailable("the object store cut its answer short", retry_after=1.0)


class Upload(io.RawIOBase):
    """An answer as a file: urllib3 sends a file in blocks, so that no object is held in memory as a whole."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._answer.read(PIECE if size < 0 else size)
        return content
