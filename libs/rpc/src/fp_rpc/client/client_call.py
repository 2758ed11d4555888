"""An outgoing call: what the four kinds of RPC share."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from fp_kernel import Error, Kind

from fp_rpc.client.call_context import CallContext, ChannelContext
from fp_rpc.client.call_headers import Packed
from fp_rpc.client.connection import Connection
from fp_rpc.idempotency import has_key


@dataclass(frozen=True, slots=True)
class ClientMethod:
    """One method of one channel.

    path: `/package.Service/Name`. single: begins a call that is sent once. repeating: begins one that gRPC may send
    again; None for a stream of requests. always: every call of the method may be sent again. streams: either side sends
    many messages.
    """

    path: str
    single: Callable[..., Any]
    repeating: Callable[..., Any] | None
    always: bool
    connection: Connection
    context: ChannelContext
    streams: bool

    def starter(self, request: Any, metadata: Packed) -> Callable[..., Any] | None:
        """How to begin this call: repeated where that does no harm, else once; None without a connection for that."""
        if (self.always or has_key(request, metadata)) and self.repeating is not None:
            return self.repeating
        return self.single if self.connection.stands() else None


class ClientCall(grpc.aio.Call):
    """A call that starts at its first use, since its token may have to be fetched first.

    request: the message, or the iterator of messages. metadata: the caller's own. options: what else the bare call
    takes. The accessors raise UsageError before the first use.
    """

    # Whether the call may be started again with another token; a stream of requests that was consumed cannot.
    _restartable = True
    # Here and not in each call: most calls never set them, or once.
    _context: CallContext | None = None
    _call: Any = None
    _token = ""
    _opening: asyncio.Lock | None = None
    _callbacks: tuple[Callable[[Any], None], ...] = ()
    _ended = False

    def __init__(
        self,
        method: ClientMethod,
        request: Any,
        timeout: float | None,
        metadata: Any,
        options: Mapping[str, Any],
    ) -> None:
        self._timeout = timeout
        self._own = metadata
        self._options = options
        self._method = method
        self._request = request

    async def _open(self) -> Any:
        """The running call, started now when it was not.

        Raises DeadlineExceeded when no time is left, Unavailable when no token can be had.
        """
        if self._call is None and (self._opening is not None or self._start_now() is None):
            self._opening = self._opening or asyncio.Lock()
            async with self._opening:
                if self._call is None:
                    await self._start(self._begun())
        return self._call

    def _begun(self) -> CallContext:
        context = self._context
        if context is None:
            method = self._method
            context = self._context = method.context.begin(method.path, self._timeout, streams=method.streams)
        return context

    def _start_now(self) -> Any:
        """Start the call without waiting, as nearly every one can; None when its token or connection is not there."""
        context = self._begun()
        try:
            self._check_running()
            prepared = context.channel.metadata_now(self._own, context.span)
            start = self._method.starter(self._request, prepared[0]) if prepared is not None else None
        except Error as error:
            self._finish(error.kind.value, error)
            raise
        if prepared is None or start is None:
            return None
        # No time has passed since it began.
        return self._begin(start, *prepared, context.seconds)

    async def _start(self, context: CallContext) -> None:
        try:
            self._check_running()
            # Within the call's deadline: auth may be slow with the token.
            async with asyncio.timeout(context.remaining()):
                metadata, token = await context.channel.metadata(self._own, context.span)
                start = self._method.starter(self._request, metadata)
                if start is None:
                    await self._method.connection.wait()
                    start = self._method.single
            self._check_running()
        except TimeoutError as late:
            error = context.unprepared()
            self._finish(error.kind.value, error)
            raise error from late
        except Error as error:
            self._finish(error.kind.value, error)
            raise
        except asyncio.CancelledError:
            self._finish(Kind.CANCELLED.value)
            raise
        self._begin(start, metadata, token, max(0.0, context.remaining()))

    def _begin(self, start: Callable[..., Any], metadata: Packed, token: str, seconds: float) -> Any:
        self._token = token
        self._call = call = start(self._request, timeout=seconds, metadata=metadata, **self._options)
        self._started(call)
        return call

    def _check_running(self) -> None:
        """Raises CancelledError when `cancel` was called, also while the call was being prepared."""
        if self._ended:
            raise asyncio.CancelledError

    def _started(self, call: Any) -> None:
        """The bare call has begun; for kinds that watch it."""

    async def _again(self, failure: grpc.aio.AioRpcError) -> Any:
        """The call with another token, where the peer refused the first one; raises the peer's error otherwise."""
        context, restartable = self._context, self._restartable
        # A peer checks the token before it does anything, so that any call may be sent again, once.
        self._restartable = False
        if context is None or not restartable or not context.another_token(failure, self._token):
            self._fail(failure)
        await self._start(context)
        return self._call

    def _fail(self, failure: grpc.aio.AioRpcError) -> NoReturn:
        if self._context is None:
            raise failure
        error = self._context.translate(failure, self._token)
        self._context.another_token(failure, self._token)
        self._finish(error.kind.value, failure)
        raise error from failure

    def _finish(self, code: str = "OK", failure: BaseException | None = None) -> None:
        """Count and trace the end, and call the callbacks, once."""
        if self._ended:
            return
        self._ended = True
        if self._context is not None:
            self._context.end(code, failure)
        for callback in self._callbacks:
            callback(self)

    def _running(self) -> Any:
        if self._call is None:
            raise grpc.aio.UsageError("the call has not started: await it, or read from it, first")
        return self._call

    def cancel(self) -> bool:
        cancelled = not self._ended
        if self._call is not None:
            cancelled = self._call.cancel()
        self._finish(Kind.CANCELLED.value)
        return cancelled

    def cancelled(self) -> bool:
        return self._ended and (self._call is None or self._call.cancelled())

    def done(self) -> bool:
        return self._ended

    def time_remaining(self) -> float | None:
        return max(0.0, self._context.remaining()) if self._context is not None else self._timeout

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        if self._ended:
            callback(self)
        else:
            self._callbacks = (*self._callbacks, callback)

    async def initial_metadata(self) -> grpc.aio.Metadata:
        metadata: grpc.aio.Metadata = await self._running().initial_metadata()
        return metadata

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        metadata: grpc.aio.Metadata = await self._running().trailing_metadata()
        return metadata

    async def code(self) -> grpc.StatusCode:
        code: grpc.StatusCode = await self._running().code()
        return code

    async def details(self) -> str:
        details: str = await self._running().details()
        return details

    async def wait_for_connection(self) -> None:
        call = await self._open()
        try:
            await call.wait_for_connection()
        except grpc.aio.AioRpcError as failure:
            self._fail(failure)
