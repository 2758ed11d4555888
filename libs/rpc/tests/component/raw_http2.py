"""A client that speaks HTTP/2 as it is told, also wrongly."""

import asyncio

from fp_rpc.http2 import frames
from fp_testkit.patience import PATIENCE
from hpack import Decoder, Encoder

CALL = [(":method", "POST"), (":scheme", "http"), (":path", "/forgepoint.rpctest.v1.ShapesService/One")]
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


class Raw:
    """frames: kind, flags, stream and body of all that came, in order. closed: the server ended the connection."""

    def __init__(self, reader, writer):
        self._reader, self.writer = reader, writer
        self.packing, self._reading = Encoder(), Decoder()
        self.frames = []
        self.closed = False
        self._task = asyncio.ensure_future(self._read())
        self._changed = asyncio.Condition()

    async def _read(self):
        try:
            while True:
                high, low, kind, flags, stream = frames.HEAD.unpack(await self._reader.readexactly(9))
                body = await self._reader.readexactly(high << 16 | low)
                if kind == frames.HEADERS:
                    body = dict(self._reading.decode(body))
                async with self._changed:
                    self.frames.append((kind, flags, stream, body))
                    self._changed.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            async with self._changed:
                self.closed = True
                self._changed.notify_all()

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(condition)

    def of(self, kind, stream=None):
        return [body for each, _, number, body in self.frames if each == kind and stream in (None, number)]

    def data(self, stream):
        return b"".join(self.of(frames.DATA, stream))

    def take(self, stream):
        """How many bytes of data came; they are forgotten."""
        size = len(self.data(stream))
        self.frames = [each for each in self.frames if each[0] != frames.DATA or each[2] != stream]
        return size

    def head(self, stream, token, *fields, end=False, of=tuple(CALL)):
        metadata = [("authorization", f"Bearer {token}")] if token else []
        block = self.packing.encode([*of, *GRPC, *metadata, *fields])
        return frames.frame(frames.HEADERS, frames.END_HEADERS | (frames.END_STREAM if end else 0), stream, block)

    def call(self, stream, token, body, *fields, **options):
        message = b"\0" + len(body).to_bytes(4) + body
        return self.head(stream, token, *fields, **options) + frames.frame(
            frames.DATA, frames.END_STREAM, stream, message
        )

    async def status(self, stream):
        """The last headers of a stream."""
        await self.until(
            lambda: self.closed or any("grpc-status" in found for found in self.of(frames.HEADERS, stream))
        )
        return self.of(frames.HEADERS, stream)[-1]["grpc-status"]

    async def end(self):
        """The code and the reason with which the server ended the connection."""
        await self.until(lambda: self.closed)
        body = self.of(frames.GOAWAY)[-1]
        return frames.Code(int.from_bytes(body[4:8])), body[8:].decode()

    def send(self, *parts):
        self.writer.write(b"".join(parts))

    async def close(self):
        self._task.cancel()
        self.writer.close()


GREETING = frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0, b"")


async def connect(address, *, greeting=GREETING):
    host, _, port = address.rpartition(":")
    raw = Raw(*await asyncio.open_connection(host, int(port)))
    raw.send(greeting)
    return raw
