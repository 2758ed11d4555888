"""The serving processes behind the targets."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from forgepoint.serving.v1 import serving_pb2 as pb
from fp_kernel import Clock, Error, Internal, InvalidArgument, Kind, Unavailable
from fp_kernel.signatures import Signature
from fp_kernel.tensors import Tensor
from fp_rpc import Channels, acting_for
from fp_rpc.client.names import Resolve, resolve
from fp_rpc.client.targets import Resolved, addresses_of
from fp_rpc.tensors import TensorForm
from fp_telemetry import Metrics, correlation_id, get_logger

from fp_inference.adapters.serving_process import LOOK_SECONDS, ServingProcess
from fp_inference.app.mirror import Copied
from fp_inference.app.replicas import Replicas
from fp_inference.domain.routes import Target

_TENSORS = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
# A call that began before its target was taken away may still be under way.
_LINGER: Final = 30.0
# How old what a name resolved to may be, and how many are asked at once.
_RESOLVED_SECONDS: Final = 3.0
_AT_ONCE: Final = 32

_log = get_logger(__name__)


class LostCalls:
    def __init__(self, metrics: Metrics) -> None:
        self._lost = metrics.counter(
            "replica_calls_lost_total", "Calls that failed at one of several replicas, by kind.", ("kind",)
        )

    def lost(self, kind: Kind) -> None:
        self._lost.labels(kind.value).inc()


@dataclass(slots=True)
class _Group:
    """The processes of one endpoint. name: what is resolved, and when it was. used: since it was resolved."""

    replicas: Replicas[ServingProcess]
    name: Resolved | None = None
    resolved_at: float = float("-inf")
    used: bool = False
    resolving: asyncio.Lock = field(default_factory=asyncio.Lock)
    unwanted_since: float | None = None


class ServingRuntimes:
    """One group an endpoint, a channel and a link a process. Endpoints come from deployments and from nowhere else."""

    def __init__(self, channels: Channels, clock: Clock, metrics: Metrics, *, resolved: Resolve = resolve) -> None:
        """resolved: addresses of a name."""
        self._channels = channels
        self._clock = clock
        self._lost = LostCalls(metrics)
        self._resolved = resolved
        self._groups: dict[str, _Group] = {}

    async def predict(
        self, target: Target, model_name: str, inputs: Mapping[str, Tensor], *, request_id: str, seconds: float
    ) -> Mapping[str, Tensor]:
        request = pb.PredictRequest(
            model_name=model_name,
            version=target.version,
            version_id=target.version_id,
            inputs=_TENSORS.all_to_pb(inputs),
            idempotency_key=request_id,
            correlation_id=correlation_id.get(),
        )
        replicas = await self._of(target)
        response = await replicas.predict(request, seconds)
        try:
            return _TENSORS.all_from_pb(response.outputs, "outputs")
        except InvalidArgument as error:
            # The caller has nothing to do with it.
            raise Internal("a runtime answered an unknown element type") from error

    async def shadow(self, target: Target, copied: Copied, *, request_id: str, seconds: float) -> Mapping[str, Tensor]:
        # Beside the call that it is a copy of, which has said for whom it is.
        with acting_for(copied.team):
            return await self.predict(target, copied.model_name, copied.inputs, request_id=request_id, seconds=seconds)

    async def is_ready(self, target: Target) -> bool:
        try:
            return await (await self._of(target)).any_ready(target)
        except Error:
            return False

    def count(self, target: Target) -> int:
        group = self._groups.get(target.endpoint)
        return max(1, len(group.replicas.addresses)) if group is not None else 1

    def left_out(self, target: Target) -> int:
        group = self._groups.get(target.endpoint)
        return group.replicas.left_out if group is not None else 0

    async def describe(self, target: Target, team: str, model_name: str) -> Signature:
        request = pb.GetModelInfoRequest(model_name=model_name, version=target.version, version_id=target.version_id)
        replicas = await self._of(target)
        with acting_for(team), replicas.first() as process:
            response = await process.stub.GetModelInfo(request, timeout=LOOK_SECONDS)
        info = response.model_info
        inputs, outputs = map(_TENSORS.spec_from_pb, info.input_schema), map(_TENSORS.spec_from_pb, info.output_schema)
        return Signature(tuple(inputs), tuple(outputs))

    async def look(self, targets: Collection[Target]) -> None:
        """Follow names, find those that are back, and close those that nobody wants any more."""
        by_endpoint = {target.endpoint: target for target in targets}
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(group: _Group, target: Target) -> None:
            async with room:
                if group.used:
                    await self._follow(group)
                await group.replicas.look(target)

        async with asyncio.TaskGroup() as looks:
            for endpoint, target in by_endpoint.items():
                group = self._groups.get(endpoint)
                if group is not None and (group.name is not None or group.replicas.unsettled):
                    looks.create_task(one(group, target))
        await self._retain(by_endpoint.keys())

    async def _retain(self, endpoints: Collection[str]) -> None:
        now = self._clock.monotonic()
        for endpoint, group in list(self._groups.items()):
            if endpoint in endpoints:
                group.unwanted_since = None
            elif group.unwanted_since is None:
                group.unwanted_since = now
            elif now - group.unwanted_since > _LINGER:
                del self._groups[endpoint]
                await group.replicas.close()

    async def _of(self, target: Target) -> Replicas[ServingProcess]:
        group = self._groups.get(target.endpoint)
        if group is None:
            group = self._groups[target.endpoint] = self._made(target.endpoint)
        group.used = True
        if group.name is not None and not group.replicas.addresses:
            await self._follow(group)
        return group.replicas

    def _made(self, endpoint: str) -> _Group:
        replicas = Replicas(
            lambda address: ServingProcess(self._channels, self._clock, address), self._clock, self._lost
        )
        try:
            places = addresses_of(endpoint)
        except ValueError as error:
            raise Unavailable("the address of a runtime cannot be read") from error
        if isinstance(places, Resolved):
            return _Group(replicas, places)
        replicas.place(places)
        return _Group(replicas)

    async def _follow(self, group: _Group) -> None:
        """One question at a time. What was known stays until there is something else: DNS away is no runtime away."""
        async with group.resolving:
            now = self._clock.monotonic()
            if group.name is None or now - group.resolved_at < _RESOLVED_SECONDS:
                return
            group.resolved_at, group.used = now, False
            try:
                found = await self._resolved(group.name)
            except Unavailable as error:
                _log.warning("replicas were not resolved", name=group.name.host, reason=error.message)
                return
            if found:
                group.replicas.place(found)
