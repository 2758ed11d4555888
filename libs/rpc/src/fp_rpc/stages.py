"""What every call passes: one interceptor, made of small stages, for all four shapes.

In: telemetry, correlation id, deadline, load, identity, access; only then is the body read and the handler run.
Out: the replay of a command, errors, audit, telemetry (`endings`).

Handlers are wrapped when they are added and not through `grpc.aio.ServerInterceptor`: that one is asked for a handler
on every call, which costs more than all the stages here, and it sees neither the body nor the end of a stream. Single
requests are registered as streams of one, because gRPC would else read the body before it calls anything of ours.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from fp_kernel import ResourceExhausted, Unauthenticated
from fp_telemetry import Metrics, begin, names
from opentelemetry.trace import SpanKind

from fp_rpc import headers, teams
from fp_rpc.audit import AuditLevel
from fp_rpc.bodies import Bodies
from fp_rpc.endings import Endings
from fp_rpc.errors import of_bearer
from fp_rpc.identity import IdentityResolver
from fp_rpc.method import Method
from fp_rpc.origins import Origins
from fp_rpc.visit import Visit, bearer

Handle = Callable[[Any, Any], Awaitable[Any]]
_BUSY_RETRY: Final = 1.0


class Stages:
    """Wraps behaviours; knows every call that is under way."""

    def __init__(
        self,
        resolver: IdentityResolver,
        endings: Endings,
        metrics: Metrics,
        *,
        default_deadline: float,
        max_concurrent: int,
        bodies: Bodies,
        origins: Origins,
    ) -> None:
        self._resolver = resolver
        self._endings = endings
        self._origins = origins
        self._default_deadline = default_deadline
        self._max_concurrent = max_concurrent
        self._bodies = bodies
        self._streams: set[Visit] = set()
        self._in_flight = 0
        metrics.gauge(names.GRPC_IN_FLIGHT, "Calls being handled.").set_function(lambda: self._in_flight)
        self._repeated = metrics.counter(names.GRPC_REPEATED, "Calls that a client sent again.", ("method",))

    def wrap(self, method: Method) -> Handle:
        """The behaviour of a method behind all stages."""
        if method.streams_requests or method.streams_responses:
            return self._streaming(method, _SHAPES[method.streams_requests, method.streams_responses])
        return self._single(method)

    def _single(self, method: Method) -> Handle:
        """One request, one answer: nine of ten calls, so that it has no layer more than it needs."""
        parse, behaviour, serialize = method.parse, method.behaviour, method.serialize

        async def answered(visit: Visit, context: Any) -> bytes:
            await self._admit(visit)
            visit.request = request = parse(await self._bodies.read(visit, context))
            return serialize(await behaviour(request, context))

        async def handle(_: Any, context: Any) -> Any:
            visit = Visit(method, context, self._default_deadline)
            self._in_flight += 1
            try:
                if visit.unbounded:
                    async with asyncio.timeout(self._default_deadline):
                        answer = await answered(visit, context)
                else:
                    answer = await answered(visit, context)
            except BaseException as failure:  # noqa: BLE001 -- every way out is told, counted and audited
                return await self._endings.failed(visit, failure, context)
            else:
                self._endings.done(visit, "OK")
                return answer
            finally:
                self._in_flight -= 1
                self._bodies.release(visit)

        return handle

    def _streaming(self, method: Method, run: Callable[..., Awaitable[Any]]) -> Handle:
        bounded = not method.streams_responses

        async def handle(requests: Any, context: Any) -> Any:
            visit = Visit(method, context, self._default_deadline)
            visit.task = asyncio.current_task()
            self._streams.add(visit)
            self._in_flight += 1
            try:
                async with asyncio.timeout(self._default_deadline if visit.unbounded else None) as limit:
                    await self._admit(visit)
                    if not method.streams_requests:
                        visit.request = method.parse(await self._bodies.read(visit, context))
                    if visit.unbounded and not bounded:
                        limit.reschedule(None)
                        visit.deadline = math.inf
                    answer = await run(visit, method.behaviour, requests, context)
            except BaseException as failure:  # noqa: BLE001 -- every way out is told, counted and audited
                # From here on a drain must not cut off the status that is being sent.
                self._streams.discard(visit)
                return await self._endings.failed(visit, failure, context)
            else:
                self._endings.done(visit, "OK")
                return answer
            finally:
                self._in_flight -= 1
                self._streams.discard(visit)
                self._bodies.release(visit)

        return handle

    def end_streams(self) -> None:
        """Tell every open stream that the server is going away; their clients resume elsewhere."""
        for visit in tuple(self._streams):
            visit.draining = True
            if visit.task is not None:
                visit.task.cancel()

    async def _admit(self, visit: Visit) -> None:
        """Trace, load, identity, access; raises the error that refuses the call."""
        method = visit.rpc
        visit.span = begin(method.label, kind=SpanKind.SERVER, attributes=method.attributes, carrier=visit.metadata)
        if self._in_flight > self._max_concurrent:
            raise ResourceExhausted(
                "too many calls at once", reason="TOO_MANY_CALLS", retry_after=_BUSY_RETRY, metadata={"quota": "calls"}
            )
        if headers.PREVIOUS_ATTEMPTS in visit.metadata:
            self._repeated.labels(method.label).inc()
        if method.rule.audit is AuditLevel.ALWAYS:
            await self._origins.find(visit)
        if method.rule.public:
            return
        try:
            visit.principal = await self._resolver.resolve(bearer(visit))
        except Unauthenticated as refused:
            raise of_bearer(refused) from None
        visit.principal = teams.acting(visit.principal, visit.metadata)
        method.rule.permit(visit.principal)


async def _unary_stream(visit: Visit, behaviour: Any, _: Any, context: Any) -> None:
    await _pump(behaviour(visit.request, context), context)


async def _stream_unary(visit: Visit, behaviour: Handle, requests: AsyncIterator[Any], context: Any) -> bytes:
    return visit.rpc.serialize(await behaviour(requests, context))


async def _stream_stream(_: Visit, behaviour: Any, requests: AsyncIterator[Any], context: Any) -> None:
    await _pump(behaviour(requests, context), context)


async def _pump(answers: Any, context: Any) -> None:
    """Write what a generator yields, and close it whatever happens; a coroutine writes by itself."""
    if not hasattr(answers, "__aiter__"):
        await answers
        return
    async with aclosing(answers):
        async for answer in answers:
            await context.write(answer)


_SHAPES: Final[dict[tuple[bool, bool], Callable[..., Awaitable[Any]]]] = {
    (False, True): _unary_stream,
    (True, False): _stream_unary,
    (True, True): _stream_stream,
}
