"""Outgoing calls of the four shapes, as generated stubs expect them."""

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any, Final

import grpc
from fp_kernel import Kind

from fp_rpc.calls import Peer, PeerCall

# Parameters that grpc also takes by position, after those that are read here.
_OTHERS: Final = ("credentials", "wait_for_ready", "compression")


class _OneAnswer(PeerCall):
    """retried: whether a failed try may be followed by another; a consumed stream of requests cannot be sent again."""

    _retried = True
    _answer: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        return self._respond().__await__()

    async def _respond(self) -> Any:
        if self._answer is not None:
            return self._answer
        call = await self._open()
        while self._answer is None:
            try:
                self._answer = await call
            except grpc.aio.AioRpcError as failure:
                call = await self._again(failure) if self._retried else self._fail(failure)
            except asyncio.CancelledError:
                self._finish(Kind.CANCELLED.value)
                raise
        self._finish()
        return self._answer


class _ManyAnswers(PeerCall):
    _retried = True

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        answer = await self.read()
        if answer is grpc.aio.EOF:
            raise StopAsyncIteration
        return answer

    async def read(self) -> Any:
        """The next message, or grpc.aio.EOF."""
        call = await self._open()
        while True:
            try:
                answer = await call.read()
            except grpc.aio.AioRpcError as failure:
                call = await self._again(failure) if self._retried else self._fail(failure)
            except asyncio.CancelledError:
                self._finish(Kind.CANCELLED.value)
                raise
            else:
                # From the first message on a repeat would tell the caller things twice.
                self._retried = False
                if answer is grpc.aio.EOF:
                    self._finish()
                return answer


class _ManyRequests(PeerCall):
    _retried = False

    async def write(self, request: Any) -> None:
        call = await self._open()
        try:
            await call.write(request)
        except grpc.aio.AioRpcError as failure:
            self._fail(failure)

    async def done_writing(self) -> None:
        call = await self._open()
        try:
            await call.done_writing()
        except grpc.aio.AioRpcError as failure:
            self._fail(failure)


class UnaryUnary(_OneAnswer, grpc.aio.UnaryUnaryCall[Any, Any]):
    pass


class UnaryStream(_ManyAnswers, grpc.aio.UnaryStreamCall[Any, Any]):
    pass


class StreamUnary(_ManyRequests, _OneAnswer, grpc.aio.StreamUnaryCall[Any, Any]):
    pass


class StreamStream(_ManyRequests, _ManyAnswers, grpc.aio.StreamStreamCall[Any, Any]):
    pass


class UnaryUnaryMethod(grpc.aio.UnaryUnaryMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def __call__(self, request: Any, **options: Any) -> UnaryUnary:
        return UnaryUnary(self._peer, request, options)


class UnaryStreamMethod(grpc.aio.UnaryStreamMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def __call__(self, request: Any, **options: Any) -> UnaryStream:
        return UnaryStream(self._peer, request, options)


class StreamUnaryMethod(grpc.aio.StreamUnaryMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        *others: Any,
        **options: Any,
    ) -> StreamUnary:
        options = {**options, **dict(zip(_OTHERS, others, strict=False))}
        return StreamUnary(self._peer, request_iterator, {**options, "timeout": timeout, "metadata": metadata})


class StreamStreamMethod(grpc.aio.StreamStreamMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        *others: Any,
        **options: Any,
    ) -> StreamStream:
        options = {**options, **dict(zip(_OTHERS, others, strict=False))}
        return StreamStream(self._peer, request_iterator, {**options, "timeout": timeout, "metadata": metadata})
