"""Blocks of headers, whole or in pieces, and the heads that they are."""

from typing import Final

from fp_rpc.http2 import frames
from fp_rpc.http2.frames import Code, ConnectionFailed
from fp_rpc.http2.head import Head, head_of
from fp_rpc.http2.headers import Headers
from fp_rpc.http2.noise import Noise

_LARGEST: Final = 64 * 1024
# Clients that send the same headers again send them as few bytes that mean the same until their table changes.
_KNOWN: Final = 64
_SHORT: Final = 512

Block = tuple[int, int, Head]
"""Flags and stream of the frame with which it began."""


class Blocks:
    """Of one connection."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._headers = Headers()
        self._known: dict[bytes, Head] = {}
        self._generation = 0
        self._pieces: bytearray | None = None
        self._of = (0, 0)

    @property
    def unfinished(self) -> bool:
        return self._pieces is not None

    def begin(self, flags: int, number: int, body: bytes) -> Block | None:
        """None when more must come. Raises ConnectionFailed."""
        priority = bool(flags & frames.WITH_PRIORITY)
        if priority or flags & frames.PADDED:
            body = frames.without_padding(flags, body, number if priority else 0)
        if flags & frames.END_HEADERS:
            return flags, number, self._head(body)
        self._pieces, self._of = bytearray(body), (flags, number)
        return None

    def go_on(self, flags: int, number: int, body: bytes) -> Block | None:
        """As `begin`."""
        begun, of = self._of
        if self._pieces is None or of != number:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "headers that did not begin")
        self._noise.heard()
        self._pieces += body
        if len(self._pieces) > _LARGEST:
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "headers without end")
        if not flags & frames.END_HEADERS:
            return None
        block, self._pieces = bytes(self._pieces), None
        return begun, number, self._head(block)

    def _head(self, block: bytes) -> Head:
        known = self._known.get(block)
        if known is not None:
            return known
        head = head_of(self._headers.decode(block))
        if self._headers.generation != self._generation:
            self._generation = self._headers.generation
            self._known.clear()
        elif len(block) <= _SHORT and len(self._known) < _KNOWN:
            self._known[block] = head
        return head
