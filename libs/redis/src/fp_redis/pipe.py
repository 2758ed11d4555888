"""One connection for the questions of many callers.

The library takes a connection for each command, looks whether it is well, sets time-outs around each step and gives it
back: 200 microseconds, of which the question itself needs 40. Here each caller writes at once, those of one turn of the
loop in one piece, and answers come in the order of the questions.
"""

import asyncio
from collections import deque
from typing import Any, Final

import hiredis
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as NotAnswered

_NOTHING: Final = object()


class Pipe:
    """pool: knows how to connect. patience: seconds for an answer."""

    def __init__(self, pool: ConnectionPool, patience: float) -> None:
        self._pool = pool
        self._patience = patience
        self._opening = asyncio.Lock()
        self._open: _Open | None = None

    async def ask(self, command: tuple[Any, ...]) -> Any:
        """Raises what the library raises: ResponseError for a command that is refused, else that the store is away."""
        opened = self._open
        if opened is None or opened.lost:
            opened = await self._opened()
        return await opened.ask(command)

    async def close(self) -> None:
        if self._open is not None:
            self._open.lose(NotConnected("closed"))

    async def _opened(self) -> "_Open":
        async with self._opening:
            if self._open is None or self._open.lost:
                connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
                await connection.connect()
                self._open = _Open(connection, self._patience)
            return self._open


class _Open(asyncio.Protocol):
    """In the place of the library's reader, once the connection has logged in."""

    def __init__(self, connection: Any, patience: float) -> None:
        self.lost = False
        self._patience = patience
        self._connection = connection
        self._transport: asyncio.Transport = connection._writer.transport  # noqa: SLF001 -- it has no other way
        self._transport.set_protocol(self)
        self._loop = asyncio.get_running_loop()
        self._answers = hiredis.Reader(notEnoughData=_NOTHING)
        # Each with when it was asked: one timer, for the oldest, does for all.
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._look_again: asyncio.TimerHandle | None = None
        self._parts: list[bytes] = []

    async def ask(self, command: tuple[Any, ...]) -> Any:
        answer = self._loop.create_future()
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(hiredis.pack_command(command))
        self._waiting.append((answer, self._loop.time()))
        if self._look_again is None:
            self._look_again = self._loop.call_later(self._patience, self._look)
        return await answer

    def data_received(self, data: bytes) -> None:
        self._answers.feed(data)
        try:
            while (found := self._answers.gets()) is not _NOTHING:
                self._answer(found)
        except (hiredis.HiredisError, IndexError):
            self.lose(NotConnected("the store sent what is no answer"))

    def connection_lost(self, _: Exception | None) -> None:
        self.lose(NotConnected("the connection was closed"))

    def lose(self, error: Exception) -> None:
        """For all who wait."""
        if self.lost:
            return
        self.lost = True
        self._connection._close()  # noqa: SLF001 -- at once, also where nobody can wait
        if self._look_again is not None:
            self._look_again.cancel()
        waiting, self._waiting = self._waiting, deque()
        for answer, _ in waiting:
            if not answer.done():
                answer.set_exception(type(error)(*error.args))

    def _answer(self, found: Any) -> None:
        if isinstance(found, hiredis.PushNotification):
            # Nobody asked for it.
            return
        answer, _ = self._waiting.popleft()
        if answer.done():
            # Who asked has gone.
            return
        if isinstance(found, hiredis.ReplyError):
            answer.set_exception(ResponseError(str(found)))
        else:
            answer.set_result(found)

    def _look(self) -> None:
        self._look_again = None
        if not self._waiting:
            return
        left = self._waiting[0][1] + self._patience - self._loop.time()
        if left > 0:
            self._look_again = self._loop.call_later(left, self._look)
        else:
            # Later answers would be those of others.
            self.lose(NotAnswered("the store did not answer in time"))

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if not self.lost:
            self._transport.write(b"".join(parts))
