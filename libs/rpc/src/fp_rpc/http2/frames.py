"""Frames of HTTP/2 (RFC 9113) as far as a server of gRPC reads and writes them."""

import struct
from enum import IntEnum
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD: Final = struct.Struct(">BHBBI")
"""Length in two parts, kind, flags, stream."""
LARGEST: Final = 16_384
"""Bytes of a frame that both sides take without being asked."""
FIRST_WINDOW: Final = 65_535
LARGEST_WINDOW: Final = 2**31 - 1

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
WITH_PRIORITY: Final = 0x20

INITIAL_WINDOW_SIZE: Final = 4
_MAX_CONCURRENT_STREAMS: Final = 3
_MAX_HEADER_LIST_SIZE: Final = 6
_SETTING: Final = struct.Struct(">HI")
_NUMBER: Final = struct.Struct(">I")
_TWO: Final = struct.Struct(">II")


class Code(IntEnum):
    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    ENHANCE_YOUR_CALM = 0xB


class ConnectionFailed(Exception):
    """What the peer sent ends the connection."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


class StreamFailed(Exception):
    """What the peer sent ends one stream."""

    def __init__(self, stream: int, code: Code) -> None:
        super().__init__(code.name)
        self.stream = stream
        self.code = code


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    size = len(body)
    return HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + body


def first_settings(streams: int, header_bytes: int) -> bytes:
    settings = _SETTING.pack(_MAX_CONCURRENT_STREAMS, streams) + _SETTING.pack(_MAX_HEADER_LIST_SIZE, header_bytes)
    return frame(SETTINGS, 0, 0, settings)


def settings_of(body: bytes) -> list[tuple[int, int]]:
    """Raises ConnectionFailed."""
    if len(body) % _SETTING.size:
        raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "settings of a strange length")
    return list(_SETTING.iter_unpack(body))


def window_update(stream: int, more: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, _NUMBER.pack(more))


def reset(stream: int, code: Code) -> bytes:
    return frame(RST_STREAM, 0, stream, _NUMBER.pack(code))


def going_away(last: int, code: Code, why: str = "") -> bytes:
    return frame(GOAWAY, 0, 0, _TWO.pack(last, code) + why.encode())


def number(body: bytes) -> int:
    """The one number of a frame."""
    found: int = _NUMBER.unpack(body)[0]
    return found


def check_priority(stream: int, body: bytes, at: int = 0) -> None:
    """Nothing follows from priorities; one that means nothing ends the connection. Raises ConnectionFailed."""
    if int.from_bytes(body[at : at + 4]) & LARGEST_WINDOW == stream:
        raise ConnectionFailed(Code.PROTOCOL_ERROR, "a stream that depends on itself")


def without_padding(flags: int, body: bytes, prior: int = 0) -> bytes:
    """What a frame of DATA or HEADERS carries. prior: its stream, where a priority comes first.

    Raises ConnectionFailed.
    """
    start = 0
    end = len(body)
    if flags & PADDED:
        if not body:
            raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "padding without a length")
        start, end = 1, end - body[0]
    if prior:
        start += 5
    if start > end:
        raise ConnectionFailed(Code.PROTOCOL_ERROR, "more padding than frame")
    if prior:
        check_priority(prior, body, start - 5)
    return body[start:end]
