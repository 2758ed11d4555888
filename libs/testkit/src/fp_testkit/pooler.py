"""Before Postgres, what PgBouncer does by transaction: clients, one after the other, on one session of the server.

It lets in whoever comes once one has given the password.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SSL_REQUEST = 80877103
_CANCEL_REQUEST = 80877102
_READY, _END = b"Z", b"X"
# Steps of a login to which the client answers: a password in clear text, MD5, SCRAM's first and second.
_WANTS_MORE = {step.to_bytes(4) for step in (3, 5, 10, 11)}

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


class _Pooler:
    def __init__(self, target: int) -> None:
        self.target = target
        self.session: tuple[Reader, Writer] | None = None
        self.welcome = b""

    async def serve(self, reader: Reader, writer: Writer) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        start = await _startup(reader, writer)
        if start is None:
            return
        if self.session is None:
            answers, questions = self.session = await asyncio.open_connection("127.0.0.1", self.target)
            questions.write(start)
            await self._let_in(reader, writer, answers, questions)
        else:
            answers, questions = self.session
            writer.write(b"R\0\0\0\x08\0\0\0\0" + self.welcome)
        while (message := await _message(reader))[:1] != _END:
            questions.write(message)
            # Asked for at once, or at the end of what belongs together.
            if message[:1] in {b"S", b"Q"}:
                await _pass(answers, writer, {_READY})
            elif message[:1] == b"H":
                await _pass(answers, writer, {b"T", b"n", b"E"})

    async def _let_in(self, reader: Reader, writer: Writer, answers: Reader, questions: Writer) -> None:
        """What follows on the password is what each later client is told, too."""
        while True:
            answer = await _message(answers)
            writer.write(answer)
            if answer[:1] != b"R":
                self.welcome += answer
            elif answer[5:9] in _WANTS_MORE:
                questions.write(await _message(reader))
            if answer[:1] == _READY:
                return


async def _pass(answers: Reader, writer: Writer, last: set[bytes]) -> None:
    while True:
        answer = await _message(answers)
        writer.write(answer)
        if answer[:1] in last:
            return


async def _startup(reader: Reader, writer: Writer) -> bytes | None:
    while True:
        length = await reader.readexactly(4)
        rest = await reader.readexactly(int.from_bytes(length) - 4)
        code = int.from_bytes(rest[:4])
        if code == _CANCEL_REQUEST:
            return None
        if code != _SSL_REQUEST:
            return length + rest
        writer.write(b"N")


async def _message(reader: Reader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:]) - 4)


@asynccontextmanager
async def pooler(target: int) -> AsyncIterator[int]:
    """The port of loopback before the one of `target`."""
    pool = _Pooler(target)
    server = await asyncio.start_server(pool.serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if pool.session is not None:
            pool.session[1].close()
