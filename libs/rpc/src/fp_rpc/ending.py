"""The status with which a peer ended a stream of requests, also when a write got in its way.

A write that meets the peer's end of a stream fails inside gRPC, which then makes up a status of its own. That status
may come before the peer's, and be replaced by it a moment later; or after, and hide it for good.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import grpc

_MADE_UP: Final = "Internal error from Core"
_PATIENCE: Final = 0.25


class Ending:
    """Keeps the status of the peer from the moment it arrives."""

    def __init__(self, call: Any) -> None:
        self._told: grpc.aio.AioRpcError | None = None
        self._arrived = asyncio.Event()
        call.add_done_callback(self._keep)

    async def of_peer(self, failure: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError | None:
        """The failure that the peer sent in place of a made-up one; None when the peer had ended the stream well."""
        if failure.code() is not grpc.StatusCode.INTERNAL or failure.details() != _MADE_UP:
            return failure
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._arrived.wait()
        except TimeoutError:
            return failure
        return self._told

    def told(self) -> tuple[bool, grpc.aio.AioRpcError | None]:
        """Whether the peer has ended the call, and its failure; None after a good end."""
        return self._arrived.is_set(), self._told

    def _keep(self, call: Any) -> None:
        """Called each time a status is set; the accessors do not wait then."""
        code, details = _now(call.code()), _now(call.details())
        if details == _MADE_UP or self._arrived.is_set():
            return
        if code is not grpc.StatusCode.OK:
            empty = grpc.aio.Metadata()
            self._told = grpc.aio.AioRpcError(code, empty, _now(call.trailing_metadata()), details)
        self._arrived.set()


def _now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine answers that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as answer:
        return answer.value
    coroutine.close()
    raise RuntimeError("a status is set and still waited for")
