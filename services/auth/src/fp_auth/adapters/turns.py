"""One at a time, and everybody in turn."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fp_kernel import ResourceExhausted

_RETRY = 2.0


class Turns:
    """A flood from one address lengthens its own line: whoever comes from elsewhere is next but one.

    most: who may wait. most_of_one: of them, who come from one place.
    """

    def __init__(self, *, most: int = 256, most_of_one: int = 32) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._busy = False
        self._waiting = 0
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def enter(self, whose: str) -> AsyncIterator[None]:
        """Raises ResourceExhausted when too many wait."""
        if self._busy:
            await self._wait(whose)
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            self._next()

    async def _wait(self, whose: str) -> None:
        line = self._lines.get(whose, ())
        if self._waiting >= self._most or len(line) >= self._most_of_one:
            raise ResourceExhausted(
                "too many calls at once", reason="TOO_MANY_CALLS", retry_after=_RETRY, metadata={"quota": "calls"}
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(whose, deque()).append(turn)
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._leave(whose, turn)
            else:
                # It had the turn and does not take it.
                self._busy = False
                self._next()
            raise

    def _leave(self, whose: str, turn: asyncio.Future[None]) -> None:
        """Who gave up takes nobody's place: calls that are made and cancelled would else fill the hall."""
        line = self._lines.get(whose)
        if line is None or turn not in line:
            # `_next` has passed it over already.
            return
        line.remove(turn)
        self._waiting -= 1
        if not line:
            del self._lines[whose]

    def _next(self) -> None:
        """Give the turn to the first of the line that waits longest for one, and put that line behind the others."""
        while self._lines:
            whose, line = self._lines.popitem(last=False)
            turn = line.popleft()
            self._waiting -= 1
            if line:
                self._lines[whose] = line
            if not turn.done():
                self._busy = True
                turn.set_result(None)
                return
