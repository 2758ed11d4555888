"""What leaves by one connection: frames at once, data as far as the peer takes it."""

import asyncio
from typing import TYPE_CHECKING, Final

from fp_rpc.http2.frames import DATA, FIRST_WINDOW, LARGEST, LARGEST_WINDOW, Code, ConnectionFailed, StreamFailed, frame
from fp_rpc.http2.noise import Noise

if TYPE_CHECKING:
    from fp_rpc.http2.stream import Stream

# Of one stream, before others have their turn.
_TURN: Final = LARGEST


class Outgoing:
    """What is sent in one turn of the loop leaves in one write.

    first_window: of a stream, as the peer set it; those of streams count from there, so that a change costs the same
    with one stream and with thousands.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, noise: Noise) -> None:
        self.first_window = FIRST_WINDOW
        self._noise = noise
        self._transport = transport
        self._loop = loop
        self._window = FIRST_WINDOW
        self._parts: list[bytes] = []
        self._paused = False
        # What waits for the window of the connection, and what waits for the window of its stream.
        self._held: dict[Stream, None] = {}
        self._shut: dict[Stream, None] = {}

    def send(self, frames: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(frames)

    def flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._go_on()

    def takes(self, stream: "Stream", size: int) -> bool:
        """Whether so many bytes of data may go now in one frame; they count as gone then."""
        if (
            size > LARGEST
            or size > self._window
            or size > self.first_window + stream.window
            or self._paused
            or stream.held
        ):
            return False
        self._window -= size
        stream.window -= size
        self._noise.sent(size)
        return True

    def hold(self, stream: "Stream") -> None:
        """Send what the stream holds as soon and as far as it may go."""
        self._held[stream] = None
        self._turns(stream)

    def resize(self, window: int) -> None:
        """The peer set another first window."""
        self.first_window = window
        self._held |= self._shut
        self._shut.clear()
        self._go_on()

    def drop(self, stream: "Stream") -> None:
        self._held.pop(stream, None)
        self._shut.pop(stream, None)

    def widen(self, more: int) -> None:
        """Raises ConnectionFailed."""
        if not more:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "a window widened by nothing")
        self._window += more
        if self._window > LARGEST_WINDOW:
            raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "a window too wide")
        if self._held:
            self._go_on()

    def widen_stream(self, stream: "Stream", more: int) -> None:
        """Raises StreamFailed."""
        stream.window += more
        if self.first_window + stream.window > LARGEST_WINDOW:
            raise StreamFailed(stream.number, Code.FLOW_CONTROL_ERROR)
        if stream in self._shut:
            del self._shut[stream]
            self._held[stream] = None
            self._turns(stream)

    def _go_on(self) -> None:
        """Streams have their turns until nothing may go any more."""
        moved = True
        while moved and self._held:
            moved = False
            for stream in tuple(self._held):
                if self._window <= 0 or self._paused:
                    return
                moved = self._turn(stream) or moved

    def _turns(self, stream: "Stream") -> None:
        """Of this one alone: to ask all of them for each one that waits would be work for a square of them."""
        while self._window > 0 and stream in self._held and self._turn(stream):
            pass

    def _turn(self, stream: "Stream") -> bool:
        held = stream.held
        size = 0 if self._paused else max(0, min(len(held), self._window, self.first_window + stream.window, _TURN))
        if size:
            self._window -= size
            stream.window -= size
            self._noise.sent(size)
            self.send(frame(DATA, 0, stream.number, bytes(held[:size])))
            del held[:size]
        if not held:
            del self._held[stream]
            stream.released()
        elif self.first_window + stream.window <= 0:
            del self._held[stream]
            self._shut[stream] = None
        elif size:
            # Behind the others, who come first with what the window of the connection is widened by next.
            self._held[stream] = self._held.pop(stream)
        return bool(size)
