"""Frames on their way out."""

import asyncio
from typing import Final

# Frames that wait for others of the same turn; then they go, so that the peer works meanwhile.
_MOST: Final = 16
# Bytes of one that waits for no other: putting it beside others would copy it.
_LARGE: Final = 64 * 1024


class Outbox:
    """What is sent in one turn of the loop leaves together: each write costs more than a frame, and wakes the peer."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._frames: list[bytes] = []

    def send(self, frame: bytes) -> None:
        frames = self._frames
        frames.append(frame)
        if len(frames) >= _MOST or len(frame) > _LARGE:
            self.flush()
        elif len(frames) == 1:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        frames = self._frames
        if frames:
            self._frames = []
            if not self._transport.is_closing():
                self._transport.write(b"".join(frames))
