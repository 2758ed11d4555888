"""Outgoing calls of the four kinds of RPC, and the callables by which generated stubs make them."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import suppress
from typing import Any, Final

import grpc
from fp_kernel import Kind, Unavailable

from fp_rpc.client.client_call import ClientCall, ClientMethod
from fp_rpc.client.peer_status import PeerStatus

# Parameters that grpc also takes by position, after those that are read here.
_OTHERS: Final = ("credentials", "wait_for_ready", "compression")


class _EndedWell(Exception):
    """The peer ended the stream with OK while something was still being written."""


class _OneAnswer(ClientCall):
    _answer: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        call = self._start_now() if self._call is None and self._opening is None else None
        if call is None:
            return (yield from self._respond().__await__())
        # The plain case, in which nothing is waited for but the answer: without a coroutine of its own.
        try:
            answer = self._answer = yield from call.__await__()
        except grpc.aio.AioRpcError as failure:
            return (yield from self._recovered(failure).__await__())
        except asyncio.CancelledError:
            self._finish(Kind.CANCELLED.value)
            raise
        self._finish()
        return answer

    async def _respond(self) -> Any:
        if self._answer is not None:
            return self._answer
        call = await self._open()
        try:
            self._answer = await call
        except grpc.aio.AioRpcError as failure:
            return await self._recovered(failure)
        except asyncio.CancelledError:
            self._finish(Kind.CANCELLED.value)
            raise
        self._finish()
        return self._answer

    async def _recovered(self, failure: grpc.aio.AioRpcError) -> Any:
        """The answer to the call with another token, which is asked for once."""
        try:
            await self._again(failure)
        except _EndedWell:
            # gRPC dropped the answer when a write failed.
            self._finish(Kind.UNAVAILABLE.value, failure)
            raise Unavailable("the answer was lost") from failure
        return await self._respond()


class _ManyAnswers(ClientCall):
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
                try:
                    call = await self._again(failure)
                except _EndedWell:
                    self._finish()
                    return grpc.aio.EOF
            except asyncio.CancelledError:
                self._finish(Kind.CANCELLED.value)
                raise
            else:
                # A new start after the first message would give the caller that message twice.
                self._restartable = False
                if answer is grpc.aio.EOF:
                    self._finish()
                return answer


class _ManyRequests(ClientCall):
    _restartable = False
    _status: PeerStatus | None = None

    async def write(self, request: Any) -> None:
        """Send one more message. Raises the peer's error when the peer has ended the call with one."""
        call = await self._open()
        await self._send(call.write(request))

    async def done_writing(self) -> None:
        call = await self._open()
        await self._send(call.done_writing())

    async def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            await sending
        except grpc.aio.AioRpcError as broken:
            await self._peer_ended(broken)
        except asyncio.InvalidStateError:
            ended, failure = self._status.of_now() if self._status else (False, None)
            if failure is not None:
                self._fail(failure)
            if not ended:
                # A mistake of the caller, such as a write after done_writing.
                raise

    async def _peer_ended(self, failure: grpc.aio.AioRpcError) -> None:
        """The peer has ended the call: with OK, when it needs no more requests, or with an error, which is raised."""
        with suppress(_EndedWell):
            await self._again(failure)

    def _started(self, call: Any) -> None:
        self._status = PeerStatus(call)

    async def _again(self, failure: grpc.aio.AioRpcError) -> Any:
        of_peer = failure if self._status is None else await self._status.of_peer(failure)
        if of_peer is None:
            raise _EndedWell
        return await super()._again(of_peer)


class UnaryUnary(_OneAnswer, grpc.aio.UnaryUnaryCall[Any, Any]):
    pass


class UnaryStream(_ManyAnswers, grpc.aio.UnaryStreamCall[Any, Any]):
    pass


class StreamUnary(_ManyRequests, _OneAnswer, grpc.aio.StreamUnaryCall[Any, Any]):
    pass


class StreamStream(_ManyRequests, _ManyAnswers, grpc.aio.StreamStreamCall[Any, Any]):
    pass


class UnaryUnaryMethod(grpc.aio.UnaryUnaryMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, method: ClientMethod) -> None:
        self._method = method

    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = None, **options: Any
    ) -> UnaryUnary:
        return UnaryUnary(self._method, request, timeout, metadata, options)


class UnaryStreamMethod(grpc.aio.UnaryStreamMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, method: ClientMethod) -> None:
        self._method = method

    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = None, **options: Any
    ) -> UnaryStream:
        return UnaryStream(self._method, request, timeout, metadata, options)


class StreamUnaryMethod(grpc.aio.StreamUnaryMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, method: ClientMethod) -> None:
        self._method = method

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        *others: Any,
        **options: Any,
    ) -> StreamUnary:
        options = {**options, **dict(zip(_OTHERS, others, strict=False))}
        return StreamUnary(self._method, request_iterator, timeout, metadata, options)


class StreamStreamMethod(grpc.aio.StreamStreamMultiCallable):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, method: ClientMethod) -> None:
        self._method = method

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        *others: Any,
        **options: Any,
    ) -> StreamStream:
        options = {**options, **dict(zip(_OTHERS, others, strict=False))}
        return StreamStream(self._method, request_iterator, timeout, metadata, options)
