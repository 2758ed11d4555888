"""When a connection is read."""

import asyncio
from collections.abc import Callable

Go = Callable[[], None]


class Reading:
    """Not while its peer does not read his answers, and not while what he sent at once waits for another turn.

    go_on: takes what waits.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, go_on: Go) -> None:
        self._transport = transport
        self._loop = loop
        self._go_on = go_on
        self._full = False
        self.waits = False

    def pause(self) -> None:
        self._change(full=True, waits=self.waits)

    def resume(self) -> None:
        self._change(full=False, waits=self.waits)

    def defer(self) -> None:
        """Others have their turn first."""
        self._change(full=self._full, waits=True)
        self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._change(full=self._full, waits=False)
        if not self._transport.is_closing():
            self._go_on()

    def _change(self, *, full: bool, waits: bool) -> None:
        before, after = self._full or self.waits, full or waits
        self._full, self.waits = full, waits
        if before != after and not self._transport.is_closing():
            if after:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()
