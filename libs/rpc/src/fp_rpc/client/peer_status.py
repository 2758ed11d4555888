"""The status with which a peer ended a stream of requests, also when grpc.aio replaced it.

A write after the peer has ended the stream fails inside grpc.aio, which then sets a status of its own: INTERNAL,
without trailers. It is set before the peer's status arrives, which then replaces it, or after that, which then is lost.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import grpc

# Seconds to wait for the peer's status after a write has failed.
_PATIENCE: Final = 2.0


class PeerStatus:
    """Remembers the status of the peer from the moment it arrives."""

    def __init__(self, call: Any) -> None:
        self._peers: grpc.aio.AioRpcError | None = None
        self._arrived = asyncio.Event()
        call.add_done_callback(self._store)

    async def of_peer(self, failure: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError | None:
        """The failure that the peer sent, in place of gRPC's; None when the peer had ended the stream with OK."""
        if not _is_local(failure.code(), failure.trailing_metadata()):
            return failure
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._arrived.wait()
        except TimeoutError:
            return failure
        return self._peers

    def of_now(self) -> tuple[bool, grpc.aio.AioRpcError | None]:
        """Whether the peer has ended the call, and its failure; None when that was OK."""
        return self._arrived.is_set(), self._peers

    def _store(self, call: Any) -> None:
        """Called each time a status is set; the accessors do not wait then."""
        code, trailers = _now(call.code()), _now(call.trailing_metadata())
        if self._arrived.is_set() or _is_local(code, trailers):
            return
        if code is not grpc.StatusCode.OK:
            self._peers = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, _now(call.details()))
        self._arrived.set()


def _is_local(code: Any, trailers: Any) -> bool:
    """Whether gRPC may have set this status by itself: the INTERNAL of a peer comes with details in its trailers."""
    return code is grpc.StatusCode.INTERNAL and not trailers


def _now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as answer:
        return answer.value
    coroutine.close()
    raise RuntimeError("a status is set and still waited for")
