"""PlatformService: the platform's version, which services take calls and what they hold, trails of predictions."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from forgepoint.platform.v1 import platform_pb2 as pb
from forgepoint.platform.v1.growth_pb2 import ServiceGrowth
from forgepoint.platform.v1.platform_pb2_grpc import PlatformServiceServicer
from fp_kernel import Clock
from fp_rpc.server.health import Standing
from fp_rpc.times import to_timestamp
from fp_rpc.wire import wire_revision

if TYPE_CHECKING:
    from datetime import datetime

NOUN: Final = "gateway"
# One question of each service for all who ask within it.
_KEPT: Final = 5.0  # seconds

Standings = Callable[[str], Awaitable[Standing]]


class PlatformServicer(PlatformServiceServicer):
    """standing: what a service says of itself. growth: what it holds. nouns: of the services behind the gateway."""

    def __init__(
        self,
        standing: Standings,
        growth: Callable[[str], Awaitable[ServiceGrowth]],
        nouns: Collection[str],
        clock: Clock,
        trail: Callable[[str, str], Awaitable[pb.PredictionTrail]],
    ) -> None:
        self._standing = standing
        self._growth = growth
        self._trail = trail
        self._nouns = sorted(nouns)
        self._clock = clock
        self._version = version(f"fp-{NOUN}")
        self._wire_revision = wire_revision()
        self._known: tuple[float, datetime, list[pb.ServiceStatus]] | None = None
        self._grown: tuple[float, pb.GetGrowthResponse] | None = None
        self._asking = asyncio.Lock()

    async def GetVersion(self, request: pb.GetVersionRequest, context: object) -> pb.GetVersionResponse:  # noqa: ARG002 -- gRPC's shape
        return pb.GetVersionResponse(
            version=self._version, wire_revision=self._wire_revision, now=to_timestamp(self._clock.now())
        )

    async def GetStatus(self, request: pb.GetStatusRequest, context: object) -> pb.GetStatusResponse:  # noqa: ARG002 -- gRPC's shape
        async with self._asking:
            if self._known is None or self._clock.monotonic() - self._known[0] > _KEPT:
                self._known = (self._clock.monotonic(), self._clock.now(), await self._asked())
            _, asked_at, services = self._known
        return pb.GetStatusResponse(services=services, asked_at=to_timestamp(asked_at))

    async def GetPredictionTrail(
        self,
        request: pb.GetPredictionTrailRequest,
        context: object,  # noqa: ARG002 -- gRPC's shape
    ) -> pb.GetPredictionTrailResponse:
        return pb.GetPredictionTrailResponse(trail=await self._trail(request.request_id, request.model_name))

    async def GetGrowth(self, request: pb.GetGrowthRequest, context: object) -> pb.GetGrowthResponse:  # noqa: ARG002 -- gRPC's shape
        async with self._asking:
            if self._grown is None or self._clock.monotonic() - self._grown[0] > _KEPT:
                asked_at, now = self._clock.now(), self._clock.monotonic()
                services = await asyncio.gather(*map(self._growth, self._nouns))
                self._grown = now, pb.GetGrowthResponse(services=services, asked_at=to_timestamp(asked_at))
            return self._grown[1]

    async def _asked(self) -> list[pb.ServiceStatus]:
        answers = await asyncio.gather(*map(self._standing, self._nouns))
        own = pb.ServiceStatus(name=NOUN, serving=True, version=self._version)
        others = [
            pb.ServiceStatus(name=noun, serving=said.serving, version=said.version)
            for noun, said in zip(self._nouns, answers, strict=True)
        ]
        return sorted([own, *others], key=lambda each: each.name)
