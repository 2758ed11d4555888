"""Frames in a stream of bytes: the length in four bytes, little-endian, and then a `forgepoint.link.v1.Frame`."""

import struct
from typing import Final

from forgepoint.link.v1 import link_pb2 as pb
from google.protobuf.message import DecodeError

VERSION: Final = 1
"""What this process speaks; `OLDEST` is the oldest that it still understands."""
OLDEST: Final = 1
LARGEST: Final = 17 * 1024 * 1024
_LENGTH: Final = struct.Struct("<I")


class BadFrame(Exception):
    """Bytes that are no frame, or a frame larger than allowed: the borders of what follows are unknown."""


def pack(frame: pb.Frame) -> bytes:
    body = frame.SerializeToString()
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """limit: bytes of the largest frame that is taken; it may be changed between two reads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[pb.Frame]:
        """The frames that are complete with these bytes, in order.

        Raises BadFrame; nothing can be read after that.
        """
        buffer = self._buffer
        buffer += data
        frames: list[pb.Frame] = []
        start, end = 0, len(buffer)
        while end - start >= _LENGTH.size:
            size: int = _LENGTH.unpack_from(buffer, start)[0]
            if size > self.limit:
                raise BadFrame(f"a frame of {size} bytes, at most {self.limit} are taken")
            body = start + _LENGTH.size
            if end - body < size:
                break
            frames.append(_parsed(bytes(buffer[body : body + size])))
            start = body + size
        del buffer[:start]
        return frames


def _parsed(body: bytes) -> pb.Frame:
    try:
        return pb.Frame.FromString(body)
    except DecodeError:
        raise BadFrame("bytes that are no frame") from None
