"""The serving processes behind the targets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import Clock, Error, Internal
from fp_rpc import Channels, acting_for
from fp_telemetry import correlation_id

from fp_inference.domain.routes import Target
from fp_inference.domain.signature import Signature, TensorSpec
from fp_inference.domain.tensors import ElementType, Tensor

_TO_PB: Mapping[ElementType, Any] = {
    ElementType.FLOAT32: pb.DATA_TYPE_FLOAT32,
    ElementType.FLOAT64: pb.DATA_TYPE_FLOAT64,
    ElementType.INT32: pb.DATA_TYPE_INT32,
    ElementType.INT64: pb.DATA_TYPE_INT64,
    ElementType.BOOL: pb.DATA_TYPE_BOOL,
    ElementType.STRING: pb.DATA_TYPE_STRING,
}
_FROM_PB: Mapping[int, ElementType] = {number: element for element, number in _TO_PB.items()}
_TIMEOUT = 10.0
_LOOK_TIMEOUT = 1.0
# A call that began before its target was taken away may still be under way.
_LINGER = 30.0


@dataclass(slots=True)
class _Open:
    channel: grpc.aio.Channel
    stub: Any
    unwanted_since: float | None = None


class ServingRuntimes:
    """One channel an endpoint. Endpoints come from deployments and from nowhere else."""

    def __init__(self, channels: Channels, clock: Clock) -> None:
        self._channels = channels
        self._clock = clock
        self._open: dict[str, _Open] = {}

    async def predict(
        self, target: Target, model_name: str, inputs: Mapping[str, Tensor], *, request_id: str, seconds: float
    ) -> Mapping[str, Tensor]:
        request = pb.PredictRequest(
            model_name=model_name,
            version=target.version,
            inputs={name: _tensor_to_pb(tensor) for name, tensor in inputs.items()},
            idempotency_key=request_id,
            correlation_id=correlation_id.get(),
        )
        response = await self._stub(target).Predict(request, timeout=seconds)
        return {name: _tensor_from_pb(tensor) for name, tensor in response.outputs.items()}

    async def is_ready(self, target: Target) -> bool:
        try:
            response = await self._stub(target).GetModelStatus(
                pb.GetModelStatusRequest(version=target.version), timeout=_LOOK_TIMEOUT
            )
        except Error:
            return False
        ready: bool = response.status.state == pb.MODEL_STATE_READY
        return ready

    async def describe(self, target: Target, team: str, model_name: str) -> Signature:
        request = pb.GetModelInfoRequest(model_name=model_name, version=target.version)
        with acting_for(team):
            response = await self._stub(target).GetModelInfo(request, timeout=_LOOK_TIMEOUT)
        info = response.model_info
        return Signature(tuple(map(_spec_from_pb, info.input_schema)), tuple(map(_spec_from_pb, info.output_schema)))

    async def keep_only(self, endpoints: Collection[str]) -> None:
        now = self._clock.monotonic()
        for endpoint, opened in list(self._open.items()):
            if endpoint in endpoints:
                opened.unwanted_since = None
            elif opened.unwanted_since is None:
                opened.unwanted_since = now
            elif now - opened.unwanted_since > _LINGER:
                del self._open[endpoint]
                await opened.channel.close()

    def _stub(self, target: Target) -> Any:
        opened = self._open.get(target.endpoint)
        if opened is None:
            channel = self._channels.open(target.endpoint, timeout=_TIMEOUT)
            opened = self._open[target.endpoint] = _Open(channel, ModelServingServiceStub(channel))
        return opened.stub


def _tensor_to_pb(tensor: Tensor) -> pb.TensorData:
    return pb.TensorData(shape=tensor.shape, data=tensor.data, dtype=_TO_PB[tensor.element])


def _tensor_from_pb(tensor: pb.TensorData) -> Tensor:
    element = _FROM_PB.get(tensor.dtype)
    if element is None:
        raise Internal("a runtime answered an unknown element type")
    return Tensor(element, tuple(tensor.shape), tensor.data)


def _spec_from_pb(spec: pb.TensorSpec) -> TensorSpec:
    return TensorSpec(spec.name, _FROM_PB.get(spec.dtype, ElementType.FLOAT32), tuple(spec.shape))
