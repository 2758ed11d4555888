"""Reads the body of a call, within a limit on the bytes that all calls hold."""

import asyncio
from typing import Any, Final

import grpc
from fp_kernel import InvalidArgument, ResourceExhausted

from fp_rpc.server.incoming_call import IncomingCall

_BUSY_RETRY: Final = 1.0
# Bodies of public methods that are read at once, and seconds for each. Anybody may start such a call and never finish
# its body. What clients send there (a name and a password) comes together with the headers.
_MOST_PUBLIC: Final = 32
_PUBLIC_SECONDS: Final = 5.0


class RequestBodies:
    """limit: bytes of bodies that calls may hold at once; one body is always taken."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._public = 0

    @property
    def held(self) -> int:
        """Bytes of the bodies of the calls under way."""
        return self._held

    async def read(self, call: IncomingCall, context: Any) -> bytes:
        """The body; it counts as held until `release`.

        Raises ResourceExhausted when the calls under way hold too much, InvalidArgument when there is no body.
        """
        if self._held >= self._limit:
            raise _busy("too many bytes at once", "bytes")
        # Bytes, because no deserializer is registered.
        raw: Any = await (self._read_public(context) if call.rpc.rule.public else context.read())
        if raw is grpc.aio.EOF:
            raise InvalidArgument("the call has no body", reason="MALFORMED_BODY")
        if self._held and self._held + len(raw) > self._limit:
            raise _busy("too many bytes at once", "bytes")
        body: bytes = raw
        call.body_bytes = len(body)
        self._held += call.body_bytes
        return body

    def release(self, call: IncomingCall) -> None:
        self._held -= call.body_bytes
        call.body_bytes = 0

    async def _read_public(self, context: Any) -> Any:
        if self._public >= _MOST_PUBLIC:
            raise _busy("too many calls at once", "calls")
        self._public += 1
        try:
            async with asyncio.timeout(_PUBLIC_SECONDS):
                return await context.read()
        except TimeoutError:
            raise InvalidArgument("the body did not come in time", reason="MALFORMED_BODY") from None
        finally:
            self._public -= 1


def _busy(message: str, quota: str) -> ResourceExhausted:
    return ResourceExhausted(message, reason="TOO_MANY_CALLS", retry_after=_BUSY_RETRY, metadata={"quota": quota})
