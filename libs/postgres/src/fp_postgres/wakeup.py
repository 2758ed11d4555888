"""How a relay learns that there is work."""

import asyncio
import time
from typing import Final

_PAUSE: Final = 0.01


class Signal:
    """Set by any task, waited for by one task with a time-out, and reset by that wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def signal(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Whether a signal came within the time."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeup(Signal):
    """Between the transactions and the relay of one process; other processes are notified by NOTIFY.

    NOTIFY takes a lock that makes commits wait for each other. So it is left out while the relay at work is in this
    process, and sent at most a hundred times a second otherwise: a relay that was notified a moment ago looks again by
    itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.relay_is_here = False
        self._notified_at = 0.0

    @property
    def must_notify(self) -> bool:
        return not self.relay_is_here and time.monotonic() - self._notified_at > _PAUSE

    def committed(self, *, notified: bool) -> None:
        """notified: whether the transaction sent a NOTIFY too."""
        if notified:
            self._notified_at = time.monotonic()
        self.signal()

    def on_notify(self, *_: object) -> None:
        """The listener of the relay's connection."""
        self.signal()
