"""What a frame of each kind must look like, before anybody asks what it means (RFC 9113, section 6)."""

from typing import Final

from fp_rpc.http2 import frames
from fp_rpc.http2.frames import Code, ConnectionFailed

_ENABLE_PUSH: Final = 2
_MAX_FRAME_SIZE: Final = 5
_LARGEST_FRAME: Final = 2**24 - 1

# Whether it belongs to a stream (None: to either), and its length where that is fixed.
_SHAPES: Final[dict[int, tuple[bool | None, int | None]]] = {
    frames.DATA: (True, None),
    frames.HEADERS: (True, None),
    frames.PRIORITY: (True, 5),
    frames.RST_STREAM: (True, 4),
    frames.SETTINGS: (False, None),
    frames.PING: (False, 8),
    frames.GOAWAY: (False, None),
    frames.WINDOW_UPDATE: (None, 4),
    frames.CONTINUATION: (True, None),
}


def check(kind: int, stream: int, size: int) -> None:
    """Raises ConnectionFailed."""
    of_stream, length = _SHAPES.get(kind, (None, None))
    if of_stream is not None and of_stream is not bool(stream):
        raise ConnectionFailed(Code.PROTOCOL_ERROR, "a frame of the wrong stream")
    if length is not None and size != length:
        raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "a frame of a strange length")


def first_window_of(flags: int, body: bytes) -> int | None:
    """What settings say of it; None when they do not. Raises ConnectionFailed for settings that nobody may send.

    Of several values the last one holds: to follow each of them would let one frame ask for work a thousand times.
    """
    if flags & frames.ACK and body:
        raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "an acknowledgement that says more")
    found = None
    for name, value in frames.settings_of(body):
        if name == frames.INITIAL_WINDOW_SIZE:
            if value > frames.LARGEST_WINDOW:
                raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "a window too wide")
            found = value
        elif (name == _ENABLE_PUSH and value > 1) or (
            name == _MAX_FRAME_SIZE and not frames.LARGEST <= value <= _LARGEST_FRAME
        ):
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "a setting that nobody may have")
    return found
