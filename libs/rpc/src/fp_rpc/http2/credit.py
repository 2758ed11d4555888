"""What the peer of a connection may send, of all streams together."""

from typing import Final

from fp_rpc.http2.frames import FIRST_WINDOW, Code, ConnectionFailed

# Of requests that nobody reads yet.
_WINDOW: Final = 4 * 1024 * 1024
FIRST_MORE: Final = _WINDOW - FIRST_WINDOW
"""By which the window is widened at the beginning."""


class Credit:
    def __init__(self) -> None:
        self._left = _WINDOW
        self._consumed = 0

    def spend(self, size: int) -> None:
        """Raises ConnectionFailed."""
        self._left -= size
        if self._left < 0:
            raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "more than the window")

    def consumed(self, size: int) -> int:
        """So many bytes wait no more. By how much the window is to be widened now."""
        self._consumed += size
        if self._consumed < _WINDOW // 4:
            return 0
        more, self._consumed = self._consumed, 0
        self._left += more
        return more
