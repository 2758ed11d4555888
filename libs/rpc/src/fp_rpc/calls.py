"""An outgoing call: what its four shapes share."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from fp_kernel import Error, Kind, RetryBudget

from fp_rpc.errors import from_rpc_error
from fp_rpc.outgoing import Outgoing, Trip
from fp_rpc.retries import Retries, RetryPolicy, keyed


@dataclass(frozen=True, slots=True)
class Peer:
    """One method of one channel. start: begins a call on the bare channel. streams: either side sends many messages."""

    method: str
    start: Callable[..., Any]
    outgoing: Outgoing
    policy: RetryPolicy
    budget: RetryBudget
    repeatable: bool
    streams: bool


class PeerCall(grpc.aio.Call):
    """A call that starts at its first use, since its token may have to be fetched first.

    request: the message, or the iterator of messages. options: `timeout` and `metadata` of the caller and what else the
    bare call takes. After a retry the accessors answer for the last try; before the first use they raise UsageError.
    """

    # Whether a failed try may be followed by another at all; what the policy allows comes on top.
    _repeatable = True

    def __init__(self, peer: Peer, request: Any, options: Mapping[str, Any]) -> None:
        extra = {name: value for name, value in options.items() if value is not None}
        self._timeout = extra.pop("timeout", None)
        self._own = extra.pop("metadata", None)
        self._extra = extra
        self._peer = peer
        self._request = request
        self._trip: Trip | None = None
        self._retries: Retries | None = None
        self._call: Any = None
        self._token = ""
        self._opening = asyncio.Lock()
        self._callbacks: list[Callable[[Any], None]] = []
        self._ended = False

    async def _open(self) -> Any:
        """The running call, started now when it was not.

        Raises DeadlineExceeded when no time is left, Unavailable when no token can be had.
        """
        async with self._opening:
            if self._call is None:
                self._peer.budget.earn()
                self._trip = self._peer.outgoing.begin(self._peer.method, self._timeout, streams=self._peer.streams)
                await self._start(self._trip)
            return self._call

    async def _start(self, trip: Trip) -> None:
        if self._ended:
            raise asyncio.CancelledError
        try:
            pairs, self._token = await trip.outgoing.metadata(self._own, trip.span)
        except Error as error:
            self._finish(error.kind.value, error)
            raise
        if self._retries is None:
            repeatable = self._peer.repeatable or keyed(self._request, pairs)
            self._retries = Retries(self._peer.policy, self._peer.budget, repeatable)
        self._call = self._peer.start(
            self._request, timeout=max(0.0, trip.remaining()), metadata=tuple(pairs), **self._extra
        )
        self._started(self._call)

    def _started(self, call: Any) -> None:
        """A try has begun on this bare call; for shapes that watch it."""

    async def _again(self, failure: grpc.aio.AioRpcError) -> Any:
        """The next try, after its pause; raises the peer's error when there must be none."""
        trip, retries = self._trip, self._retries
        if trip is None or retries is None or not self._repeatable:
            self._fail(failure)
        pause: float | None
        if retries.first and trip.another_token(failure, self._token):
            # The peer refused the token before it did anything: any call may be repeated with another one.
            retries.tried += 1
            pause = 0.0
        else:
            pause = retries.pause(failure, from_rpc_error(failure), trip.remaining())
        if pause is None:
            self._fail(failure)
        trip.retried()
        await asyncio.sleep(pause)
        await self._start(trip)
        return self._call

    def _fail(self, failure: grpc.aio.AioRpcError) -> NoReturn:
        if self._trip is None:
            raise failure
        error = self._trip.translate(failure, self._token)
        self._trip.another_token(failure, self._token)
        self._finish(error.kind.value, failure)
        raise error from failure

    def _finish(self, code: str = "OK", failure: BaseException | None = None) -> None:
        """Count, trace and tell the end, once."""
        if self._ended:
            return
        self._ended = True
        if self._trip is not None:
            self._trip.end(code, failure)
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
        return max(0.0, self._trip.remaining()) if self._trip is not None else self._timeout

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        if self._ended:
            callback(self)
        else:
            self._callbacks.append(callback)

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
