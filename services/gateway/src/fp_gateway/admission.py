"""Who gets into the gRPC pass-through, and how much of what calls send is held at once.

First the credential, then the room, and only then the body: gRPC reads no message of a call before it is asked to.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from fp_kernel import Error, InvalidArgument, ResourceExhausted
from fp_kernel.addresses import counted_address
from fp_rpc.errors import too_large
from fp_telemetry import Metrics, names

from fp_gateway.callers import PUBLIC_BODY
from fp_gateway.failures import MAX_MESSAGE_BYTES

_RETRY: Final = 1.0


@dataclass(frozen=True, slots=True)
class Room:
    """bytes: of messages that calls hold at once; one is always taken.

    Of calls that anybody may make: strangers, strangers_each: calls under way, in all and of one address.
    readers_each: bodies of one address that are read at once, since each may be as large as the transport lets it.
    patience: seconds for such a body.
    """

    bytes: int = 256 * 1024 * 1024
    strangers: int = 256
    strangers_each: int = 32
    readers_each: int = 2
    patience: float = 5.0


class Admission:
    """Counts what is under way."""

    def __init__(self, metrics: Metrics, room: Room = Room()) -> None:
        self._room = room
        self._held = 0
        self._strangers = 0
        self._addresses: dict[str, _Address] = {}
        metrics.gauge(names.GRPC_PASSED_BYTES, "Bytes of messages held by calls.").set_function(lambda: self._held)

    def stranger(self, address: str) -> "Stranger":
        """A place for a call that anybody may make; to be left. Raises ResourceExhausted."""
        address = counted_address(address)
        of = self._addresses.setdefault(address, _Address(asyncio.Semaphore(self._room.readers_each)))
        if self._strangers >= self._room.strangers or of.calls >= self._room.strangers_each:
            raise _busy("too many calls without a credential at once", "calls")
        self._strangers += 1
        of.calls += 1
        return Stranger(self, address, of)

    async def read(self, context: Any, seconds: float | None) -> bytes:
        """The only message of a call; it is held until `release`. seconds: for a call without a deadline of its own.

        Raises ResourceExhausted, InvalidArgument when there is none.
        """
        self._check_room()
        try:
            async with asyncio.timeout(seconds):
                raw: Any = await context.read()
        except TimeoutError:
            raise _no_body("did not come in time") from None
        if raw is grpc.aio.EOF:
            raise _no_body("is missing")
        body: bytes = raw
        self.hold(len(body))
        return body

    def hold(self, size: int) -> None:
        """Raises ResourceExhausted for a message over the limit, or one too many."""
        if size > MAX_MESSAGE_BYTES:
            raise too_large(size, MAX_MESSAGE_BYTES)
        if self._held and self._held + size > self._room.bytes:
            raise _busy("too many bytes at once", "bytes")
        self._held += size

    def release(self, size: int) -> None:
        self._held -= size

    def leave(self, address: str) -> None:
        self._strangers -= 1
        of = self._addresses[address]
        of.calls -= 1
        if not of.calls:
            del self._addresses[address]

    async def read_stranger(self, context: Any, reading: asyncio.Semaphore) -> bytes:
        """As `read`, for a call that anybody may make: at most 8 KiB, a few of an address at a time."""
        try:
            async with asyncio.timeout(self._room.patience), reading:
                body = await self.read(context, None)
        except TimeoutError:
            raise _no_body("did not come in time") from None
        if len(body) > PUBLIC_BODY:
            self.release(len(body))
            raise too_large(len(body), PUBLIC_BODY)
        return body

    def _check_room(self) -> None:
        if self._held >= self._room.bytes:
            raise _busy("too many bytes at once", "bytes")


@dataclass(slots=True)
class _Address:
    reading: asyncio.Semaphore
    calls: int = field(default=0)


@dataclass(frozen=True, slots=True)
class Stranger:
    """The place of one call of an address."""

    _admission: Admission
    _address: str
    _of: _Address

    async def read(self, context: Any) -> bytes:
        return await self._admission.read_stranger(context, self._of.reading)

    def leave(self) -> None:
        self._admission.leave(self._address)


def _busy(message: str, quota: str) -> Error:
    return ResourceExhausted(message, reason="TOO_MANY_CALLS", retry_after=_RETRY, metadata={"quota": quota})


def _no_body(why: str) -> Error:
    return InvalidArgument(f"the body {why}", reason="MALFORMED_BODY")
