"""The interceptor of every incoming call, for all four kinds of RPC.

In: telemetry, correlation id, deadline, load, identity, the caller's share, access; only then is the body read and the
handler run.
Out: the stored answer of a repeated command, errors, audit, telemetry (`call_end`).

Handlers are wrapped when they are added, not through `grpc.aio.ServerInterceptor`: grpc asks that one for a handler on
every call, which costs more than everything here, and it sees neither the body nor the end of a stream. Single
requests are registered as streams of one, because gRPC would else read the body before our code runs, whoever sent it.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from fp_kernel import ResourceExhausted, off_loop
from fp_telemetry import Metrics, begin, names, tracing
from opentelemetry.trace import SpanKind

from fp_rpc import headers
from fp_rpc.audit.client_address import ClientAddresses
from fp_rpc.audit.records import AuditLevel
from fp_rpc.identity.caller import IdentityResolver, identify
from fp_rpc.identity.withdrawals import Withdrawals
from fp_rpc.server.call_end import CallEnd
from fp_rpc.server.incoming_call import IncomingCall
from fp_rpc.server.method import Method
from fp_rpc.server.principal_limits import PrincipalLimits
from fp_rpc.server.request_bodies import RequestBodies
from fp_rpc.tls.names import check_principal

Handle = Callable[[Any, Any], Awaitable[Any]]
_BUSY_RETRY: Final = 1.0
_WRITE_SECONDS: Final = 0.5


class Interceptor:
    """Wraps handlers, and counts the calls under way.

    certified: whether connections have certificates, which callers must fit.
    """

    def __init__(
        self,
        resolver: IdentityResolver,
        call_end: CallEnd,
        metrics: Metrics,
        *,
        default_deadline: float,
        max_concurrent: int,
        bodies: RequestBodies,
        limits: PrincipalLimits,
        addresses: ClientAddresses,
    ) -> None:
        self._resolver = resolver
        self._call_end = call_end
        self._addresses = addresses
        self._default_deadline = default_deadline
        self._max_concurrent = max_concurrent
        self._bodies = bodies
        self._limits = limits
        self._streams: set[IncomingCall] = set()
        self._in_flight = 0
        self.certified = False
        metrics.gauge(names.GRPC_IN_FLIGHT, "Calls being handled.").set_function(lambda: self._in_flight)
        self._repeated = metrics.counter(names.GRPC_REPEATED, "Calls that a client sent again.", ("method",))

    def wrap(self, method: Method) -> Handle:
        """The handler of a method, with everything that comes before and after it."""
        if method.streams_requests or method.streams_responses:
            return self._streaming(method, _SHAPES[method.streams_requests, method.streams_responses])
        return self._single(method)

    def _single(self, method: Method) -> Handle:
        """One request, one answer: nine of ten calls, so that it is one coroutine without further layers."""
        behaviour, serialize = method.behaviour, method.serialize

        async def answered(call: IncomingCall, context: Any) -> bytes:
            await self._admit(call)
            call.request = request = await self._request(call, context)
            return serialize(await behaviour(request, context))

        async def handle(_: Any, context: Any) -> Any:
            call = IncomingCall(method, context, self._default_deadline)
            self._in_flight += 1
            try:
                if call.unbounded:
                    async with asyncio.timeout(self._default_deadline):
                        answer = await answered(call, context)
                else:
                    # As `answered` does it, without its coroutine: nearly every caller sets a deadline.
                    await self._admit(call)
                    call.request = request = await self._request(call, context)
                    answer = serialize(await behaviour(request, context))
            except BaseException as failure:  # noqa: BLE001 -- every way out is answered, counted and audited
                return await self._call_end.failed(call, failure, context)
            else:
                self._call_end.done(call, "OK")
                return answer
            finally:
                self._leave(call)

        return handle

    def _streaming(self, method: Method, run: Callable[..., Awaitable[Any]]) -> Handle:
        bounded = not method.streams_responses

        async def handle(requests: Any, context: Any) -> Any:
            call = IncomingCall(method, context, self._default_deadline)
            call.task = asyncio.current_task()
            self._streams.add(call)
            self._in_flight += 1
            try:
                async with asyncio.timeout(self._default_deadline if call.unbounded else None) as limit:
                    await self._admit(call)
                    if not method.streams_requests:
                        call.request = await self._request(call, context)
                    if call.unbounded and not bounded:
                        limit.reschedule(None)
                        call.deadline = math.inf
                    answer = await run(call, method.behaviour, requests, context)
            except BaseException as failure:  # noqa: BLE001 -- every way out is answered, counted and audited
                # Else `end_streams` could cancel the task while it sends the status.
                self._streams.discard(call)
                return await self._call_end.failed(call, failure, context)
            else:
                self._call_end.done(call, "OK")
                return answer
            finally:
                self._streams.discard(call)
                self._leave(call)

        return handle

    def _leave(self, call: IncomingCall) -> None:
        self._in_flight -= 1
        self._bodies.release(call)
        if call.standing is not None:
            call.standing.calls -= 1

    def end_streams(self) -> None:
        """End every open stream with UNAVAILABLE, reason DRAINING; their clients resume at another replica."""
        for call in tuple(self._streams):
            call.draining = True
            self._interrupt(call)

    def end_withdrawn(self, withdrawals: Withdrawals) -> None:
        """End the open streams of callers whose credentials ended, with UNAUTHENTICATED, reason IDENTITY_ENDED.

        A stream is judged when it begins and may stay for hours: without this a leaver went on reading.
        """
        for call in tuple(self._streams):
            if call.principal is not None and not call.withdrawn and withdrawals.ended(call.principal):
                call.withdrawn = True
                self._interrupt(call)

    def _interrupt(self, call: IncomingCall) -> None:
        """Not in the middle of a write: gRPC takes no status while one is under way, and the client would get none.

        A client that does not read holds a write up; its stream is cut without a status then.
        """
        if call.writing:
            asyncio.get_running_loop().call_later(_WRITE_SECONDS, self._cut, call)
        elif call.task is not None:
            call.task.cancel()

    def _cut(self, call: IncomingCall) -> None:
        if call in self._streams and call.task is not None:
            call.task.cancel()

    async def _request(self, call: IncomingCall, context: Any) -> Any:
        """The only request of a call, read and checked."""
        method, raw = call.rpc, await self._bodies.read(call, context)
        request = method.read(raw)
        if method.may_hold_null(raw):
            # Texts of ten thousand rows take longer to look at than to read.
            await off_loop(len(raw), lambda: method.nulls.check(request))
        return request

    async def _admit(self, call: IncomingCall) -> None:
        """Trace, load, identity, the caller's share, access; raises the error that refuses the call."""
        method = call.rpc
        if tracing():
            call.span = begin(method.label, kind=SpanKind.SERVER, attributes=method.attributes, carrier=call.metadata)
        if self._in_flight > self._max_concurrent:
            raise ResourceExhausted(
                "too many calls at once", reason="TOO_MANY_CALLS", retry_after=_BUSY_RETRY, metadata={"quota": "calls"}
            )
        if headers.PREVIOUS_ATTEMPTS in call.metadata:
            self._repeated.labels(method.label).inc()
        if method.rule.audit is AuditLevel.ALWAYS:
            call.client_address = await self._addresses.find(call.metadata)
        if method.rule.public:
            return
        call.principal = await identify(self._resolver, call.metadata)
        if self.certified:
            check_principal(call.principal, call.noun)
        call.standing = self._limits.enter(call.principal, method.rule, self._in_flight - len(self._streams))
        method.rule.permit(call.principal)


async def _unary_stream(call: IncomingCall, behaviour: Any, _: Any, context: Any) -> None:
    await _pump(call, behaviour(call.request, context), context)


async def _stream_unary(call: IncomingCall, behaviour: Handle, requests: AsyncIterator[Any], context: Any) -> bytes:
    return call.rpc.serialize(await behaviour(requests, context))


async def _stream_stream(call: IncomingCall, behaviour: Any, requests: AsyncIterator[Any], context: Any) -> None:
    await _pump(call, behaviour(requests, context), context)


async def _pump(call: IncomingCall, answers: Any, context: Any) -> None:
    """Write what a generator yields, and close it also on an error; a coroutine writes by itself."""
    if not hasattr(answers, "__aiter__"):
        await answers
        return
    async with aclosing(answers):
        async for answer in answers:
            call.writing = True
            await context.write(answer)
            call.writing = False
            if call.draining or call.withdrawn:
                raise asyncio.CancelledError


_SHAPES: Final[dict[tuple[bool, bool], Callable[..., Awaitable[Any]]]] = {
    (False, True): _unary_stream,
    (True, False): _stream_unary,
    (True, True): _stream_stream,
}
