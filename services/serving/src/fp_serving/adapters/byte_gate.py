"""How many bytes are fetched at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ByteGate:
    """Lets in, in the order in which they come, whoever's bytes fit beside those that are in; one is always let in.

    limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()
        self.held = 0

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        async with self._turn:
            while self.held and self.held + size > self._limit:
                self._left.clear()
                await self._left.wait()
            self.held += size
        try:
            yield
        finally:
            self.held -= size
            self._left.set()
