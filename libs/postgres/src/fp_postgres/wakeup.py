"""Who tells a relay that there is work."""

import asyncio
import time
from typing import Final

_PAUSE: Final = 0.01


class Wakeup:
    """Between the transactions and the relay of one process; other processes hear by NOTIFY.

    NOTIFY takes a lock that makes commits wait for each other. So it is left out while the relay at work is in this
    process, and sent at most a hundred times a second otherwise: a relay that was just told looks again by itself.
    """

    def __init__(self) -> None:
        self.relay_is_here = False
        self._event = asyncio.Event()
        self._told = 0.0

    @property
    def must_tell(self) -> bool:
        return not self.relay_is_here and time.monotonic() - self._told > _PAUSE

    def committed(self, *, told: bool) -> None:
        if told:
            self._told = time.monotonic()
        self._event.set()

    def heard(self, *_: object) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Until there is work, or for so long; whether somebody said so."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
