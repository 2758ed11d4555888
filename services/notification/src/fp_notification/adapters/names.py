"""Names of hosts, looked up where a zone that never answers stalls nobody else.

The event loop's own look-up shares a few threads with everything else of the process, and no time-out of ours ends it:
a handful of names whose servers are silent would stop every other look-up for half a minute at a time.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

Lookup = Callable[[str, int], Sequence[str]]

_THREADS: Final = 32
# Of one zone: its servers are one party, whatever names it makes up.
_A_ZONE: Final = 2
_LABELS: Final = 2


def look_up(host: str, port: int) -> Sequence[str]:
    """Every address of a name. Blocks. Raises OSError or UnicodeError for one that has none."""
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Names:
    """timeout: seconds for one look-up, waiting included; its thread is free again when the system has given up, and
    not before.

    A thread for each look-up, not many at a time, that the end of the process does not wait for.
    """

    def __init__(self, timeout: float, look_up: Lookup = look_up) -> None:
        self._timeout = timeout
        self._look_up = look_up
        self._threads = asyncio.Semaphore(_THREADS)
        # Of the zones that are being asked; one that nobody asks is not remembered.
        self._zones: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises OSError for a name without address or one that is not answered in time, its zone being busy with
        others included; UnicodeError for what is no name.
        """
        name = ".".join(host.rstrip(".").split(".")[-_LABELS:])
        zone = self._zones.setdefault(name, asyncio.Semaphore(_A_ZONE))
        async with asyncio.timeout(self._timeout):
            await zone.acquire()
            try:
                await self._threads.acquire()
            except BaseException:
                zone.release()
                raise
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Sequence[str]] = loop.create_future()
            work = partial(self._work, loop, answer, zone, host, port)
            threading.Thread(target=work, name="name", daemon=True).start()
            return await answer

    def _work(
        self,
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[Sequence[str]],
        zone: asyncio.Semaphore,
        host: str,
        port: int,
    ) -> None:
        try:
            found: Sequence[str] | Exception = self._look_up(host, port)
        except Exception as error:  # noqa: BLE001 -- it is the caller's
            found = error
        # Nobody waits for the answer when the loop was closed meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._resolve, answer, zone, found)

    def _resolve(
        self, answer: asyncio.Future[Sequence[str]], zone: asyncio.Semaphore, found: Sequence[str] | Exception
    ) -> None:
        self._threads.release()
        zone.release()
        if answer.done():
            return
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)
