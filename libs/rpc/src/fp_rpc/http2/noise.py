"""Frames that cost a server work and ask nothing of it."""

import time
from typing import Final

from fp_rpc.http2.frames import Code, ConnectionFailed

# An honest client resets, pings and widens windows too, between calls that it waits for, and now and then without any.
_MOST: Final = 2_000
_A_SECOND: Final = 10.0
_FOR_AN_ANSWER: Final = 8
# Of data that was sent: a client that takes a large answer widens two windows for each piece.
_BYTES: Final = 2_048
_STRIKES: Final = 2


class Noise:
    """shortest_ping: seconds between two pings where nothing is answered in between; as gRPC, it forgives two."""

    def __init__(self, shortest_ping: float) -> None:
        self._shortest_ping = shortest_ping
        self._heard = 0.0
        self._heard_since = time.monotonic()
        self._strikes = 0
        self._pinged_at = float("-inf")

    def useful(self) -> None:
        """A message was answered."""
        self._heard = max(0.0, self._heard - _FOR_AN_ANSWER)
        self._strikes = 0
        self._pinged_at = float("-inf")

    def sent(self, size: int) -> None:
        """Data of an answer: a client widens its windows for it, and pings to measure how wide they should be."""
        if self._heard:
            self._heard = max(0.0, self._heard - size / _BYTES)
        self._strikes = 0
        self._pinged_at = float("-inf")

    def heard(self) -> None:
        """A frame that is neither headers nor a piece of a request. Raises ConnectionFailed."""
        self._heard += 1
        if self._heard <= _MOST:
            return
        now = time.monotonic()
        self._heard = max(0.0, self._heard - _A_SECOND * (now - self._heard_since))
        self._heard_since = now
        if self._heard > _MOST:
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too many frames that ask nothing")

    def ping(self) -> None:
        """Raises ConnectionFailed."""
        self.heard()
        now = time.monotonic()
        if now - self._pinged_at < self._shortest_ping:
            self._strikes += 1
            if self._strikes > _STRIKES:
                raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too_many_pings")
        self._pinged_at = now
