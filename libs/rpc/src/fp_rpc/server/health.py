"""Health checks (grpc.health.v1). Watches end at a stop: open ones would hold it up.

Anybody may call it, so that both the calls and the time for a request to arrive are bounded.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2

from fp_rpc.headers import VERSION

NAME: Final = "grpc.health.v1.Health"
# A cluster's probes and load balancers make a handful of calls; more than this are refused.
_MOST: Final = 100
# Of them, watches: they last, and a stranger's must not keep out the checks of those who balance by them.
_MOST_WATCHES: Final = 50
_REQUEST_SECONDS: Final = 5.0
_LONGEST_VERSION: Final = 64
_SERVING: Final[int] = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final[int] = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: Final[int] = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@dataclass(frozen=True, slots=True)
class Standing:
    """What a server says of itself. serving: whether it takes calls. version: empty when it says none."""

    serving: bool = False
    version: str = ""


async def standing(channel: grpc.aio.Channel, timeout: float) -> Standing:  # noqa: ASYNC109 -- the call's deadline
    """What the server behind a bare channel says; one that does not answer in time takes no calls."""
    check = channel.unary_unary(
        f"/{NAME}/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    call = check(health_pb2.HealthCheckRequest(), timeout=timeout)
    try:
        answer = await call
        said = (await call.initial_metadata()).get(VERSION)
    except grpc.aio.AioRpcError:
        return Standing()
    return Standing(bool(answer.status == _SERVING), str(said or "")[:_LONGEST_VERSION])


@cache
def _installed(noun: str) -> str:
    """Version of the service's distribution; empty where none is installed, as for a server of a test."""
    try:
        return version(f"fp-{noun}")
    except PackageNotFoundError:
        return ""


class Health:
    """One answer for the server as a whole (the empty name) and for each of its services.

    noun: of the service; its version goes with each answer to a check, so that whoever asks learns of skew.
    """

    def __init__(self, noun: str = "") -> None:
        self._noun = noun
        self._names = {""}
        self._serving = False
        self._closed = False
        self._changed = asyncio.Event()
        self._open = 0
        self._watches = 0

    def add(self, service: str) -> None:
        self._names.add(service)

    def set(self, *, serving: bool) -> None:
        self._serving = serving and not self._closed
        self._announce()

    def close(self) -> None:
        """NOT_SERVING for good; watches get that and end."""
        self._closed = True
        self._serving = False
        self._announce()

    def handlers(self) -> grpc.GenericRpcHandler:
        request, response = health_pb2.HealthCheckRequest.FromString, health_pb2.HealthCheckResponse.SerializeToString
        return grpc.method_handlers_generic_handler(
            NAME,
            {
                # As streams of requests: else gRPC would wait for the request, without a bound, before it calls us.
                "Check": grpc.stream_unary_rpc_method_handler(self._check, request, response),
                "Watch": grpc.stream_stream_rpc_method_handler(self._watch, request, response),
            },
        )

    def _announce(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _status(self, service: str) -> int:
        if service not in self._names:
            return _UNKNOWN
        return _SERVING if self._serving else _NOT_SERVING

    async def _check(self, _: Any, context: Any) -> Any:
        async with self._admitted(context) as request:
            status = self._status(request.service)
            if status == _UNKNOWN:
                await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
            if self._noun and (installed := _installed(self._noun)):
                await context.send_initial_metadata(((VERSION, installed),))
            return health_pb2.HealthCheckResponse(status=status)

    async def _watch(self, _: Any, context: Any) -> None:
        if self._watches >= _MOST_WATCHES:
            await _refuse(context)
        self._watches += 1
        try:
            async with self._admitted(context) as request:
                await self._tell(request.service, context)
        finally:
            self._watches -= 1

    async def _tell(self, service: str, context: Any) -> None:
        """Each status of the service, until the server stops."""
        sent = None
        while True:
            changed, status, closed = self._changed, self._status(service), self._closed
            if status != sent:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                sent = status
            if closed:
                return
            await changed.wait()

    @asynccontextmanager
    async def _admitted(self, context: Any) -> AsyncIterator[Any]:
        """The request, for as long as the call counts as open."""
        if self._open >= _MOST:
            await _refuse(context)
        self._open += 1
        try:
            yield await self._request(context)
        finally:
            self._open -= 1

    async def _request(self, context: Any) -> Any:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = await context.read()
        except TimeoutError:
            request = grpc.aio.EOF
        if request is grpc.aio.EOF:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call has no request")
        return request


async def _refuse(context: Any) -> None:
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many health checks at once")
