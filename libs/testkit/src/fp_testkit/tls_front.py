"""TLS before a store that has none: the servers of the packages for Postgres and Valkey are built without it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from fp_devstack.tls.folder import CertificateFiles

_SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")  # of Postgres: may I speak TLS?
_PIECE: Final = 65_536


@asynccontextmanager
async def tls_front(target: int, files: CertificateFiles, *, postgres: bool = False) -> AsyncIterator[int]:
    """The port of loopback before the one of `target`.

    files: read for each connection. postgres: whether its clients ask for TLS first, as Postgres' do.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            # A client that does not trust the certificate goes away in the middle.
            with suppress(OSError, asyncio.IncompleteReadError):
                await _serve(reader, writer, target, files, postgres=postgres)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: int,
    files: CertificateFiles,
    *,
    postgres: bool,
) -> None:
    if postgres:
        assert await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST
        writer.write(b"S")
        await writer.drain()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    await writer.start_tls(context)
    behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", target)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, behind_writer))
            group.create_task(_pump(behind_reader, writer))
    finally:
        behind_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
    writer.close()
