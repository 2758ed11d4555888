"""What the store has of a command, asked for while the command's own work goes on."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import date
from types import TracebackType
from typing import Self

from fp_kernel import Command, Unavailable

from fp_inference.app.values import Replay


class Known(Exception):
    """The command was seen before, and what is done now is not what is to be answered. replay: what is kept of it."""

    def __init__(self, replay: Replay) -> None:
        super().__init__("command was seen before")
        self.replay = replay


class Lookup:
    """Nearly always the store has nothing: who waits for its word first waits for nothing.

    A context around work that is not wanted once the store has something: it is cancelled then, and raises Known, as it
    does at its end. `settle` comes before anything else that a caller gets or that is recorded.
    """

    def __init__(self, command: Command, today: date, asked: Awaitable[Sequence[Replay]]) -> None:
        self._command = command
        self._today = today
        self._asked = asyncio.ensure_future(asked)
        self._asked.add_done_callback(self._told)
        self._working: asyncio.Task[object] | None = None
        self._cancelled_before = 0
        self._cut = False

    async def settle(self) -> None:
        """Raises Known."""
        try:
            found = await self._asked
        except Unavailable:
            return
        if known := self._known(found):
            raise Known(known)

    def close(self) -> None:
        """Nobody wants to know any more."""
        self._asked.cancel()

    async def __aenter__(self) -> Self:
        if self._asked.done():
            # It spoke before there was work to cut short.
            await self.settle()
        self._working = asyncio.current_task()
        if self._working is not None:
            self._cancelled_before = self._working.cancelling()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        working, self._working = self._working, None
        ours = self._cut and working is not None and working.uncancel() <= self._cancelled_before
        if ours or error is None:
            await self.settle()

    def _told(self, asked: "asyncio.Future[Sequence[Replay]]") -> None:
        if self._working is None or asked.cancelled() or asked.exception() is not None:
            return
        if self._known(asked.result()):
            self._cut = True
            self._working.cancel()

    def _known(self, found: Sequence[Replay]) -> Replay | None:
        """None where going on is right: it was seen today, by who could not keep its answer."""
        for replay in found:
            if replay.fingerprint != self._command.fingerprint or replay.day != self._today:
                return replay
        return None
