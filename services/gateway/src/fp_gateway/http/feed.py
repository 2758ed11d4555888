"""A stream of messages that is read with patience: what does not come in time is waited for again, not lost."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from google.protobuf.message import Message

END: Final = None


class Feed:
    """source: closed with the feed."""

    def __init__(self, source: AsyncGenerator[Message]) -> None:
        self._source = source
        self._pending: asyncio.Future[Message | None] | None = None

    async def ready(self, patience: float) -> bool:
        """Whether a message, or the end, is there within so many seconds. Raises what the source raises."""
        pending = self._pending = self._pending or asyncio.ensure_future(anext(self._source, END))
        done, _ = await asyncio.wait((pending,), timeout=patience)
        if done and pending.exception() is not None:
            self._pending = None
            pending.result()
        return bool(done)

    def take(self) -> Message | None:
        """The message that is ready; END after the last one."""
        pending, self._pending = self._pending, None
        if pending is None:
            raise LookupError("nothing is ready")
        return pending.result()

    async def close(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
            # The source cannot be closed while it is still being read.
            await asyncio.wait((pending,))
        await self._source.aclose()
