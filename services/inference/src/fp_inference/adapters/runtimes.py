"""The serving processes behind the targets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import Clock, DeadlineExceeded, Error, Internal, InvalidArgument, PermissionDenied, Unimplemented
from fp_kernel.signatures import Signature
from fp_kernel.tensors import Tensor
from fp_rpc import Channels, acting_for
from fp_rpc.link.caller import Link
from fp_rpc.tensors import TensorForm
from fp_telemetry import correlation_id

from fp_inference.app.mirror import Copied
from fp_inference.domain.routes import Target

_TENSORS = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
_TIMEOUT = 10.0
_LOOK_TIMEOUT = 1.0
# A runtime says what is wrong with the tensors of a request; `Forward` judges each kind, breakers in view.
_PASSING = (InvalidArgument, PermissionDenied, Unimplemented, DeadlineExceeded)
# A call that began before its target was taken away may still be under way.
_LINGER = 30.0


# A runtime of the release before has no link; it is asked again after so many seconds, as it may have been replaced.
_WITHOUT_LINK = 30.0
_PEER = "serving"
_PREDICT = "/forgepoint.serving.v1.ModelServingService/Predict"


@dataclass(slots=True)
class _Open:
    channel: grpc.aio.Channel
    stub: Any
    link: Link
    plain_until: float = 0.0
    unwanted_since: float | None = None


class ServingRuntimes:
    """One channel and one link an endpoint. Endpoints come from deployments and from nowhere else."""

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
            version_id=target.version_id,
            inputs=_TENSORS.all_to_pb(inputs),
            idempotency_key=request_id,
            correlation_id=correlation_id.get(),
        )
        response = await self._predict(self._of(target), request, seconds)
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
            response = await self._of(target).stub.GetModelStatus(
                pb.GetModelStatusRequest(version=target.version, version_id=target.version_id), timeout=_LOOK_TIMEOUT
            )
        except Error:
            return False
        status = response.status
        # A runtime that is shared loads again what it has unloaded to make room, with the first request.
        made_room: bool = status.state == pb.MODEL_STATE_UNLOADED and not status.reason
        return made_room or status.state == pb.MODEL_STATE_READY

    async def describe(self, target: Target, team: str, model_name: str) -> Signature:
        request = pb.GetModelInfoRequest(model_name=model_name, version=target.version, version_id=target.version_id)
        with acting_for(team):
            response = await self._of(target).stub.GetModelInfo(request, timeout=_LOOK_TIMEOUT)
        info = response.model_info
        inputs, outputs = map(_TENSORS.spec_from_pb, info.input_schema), map(_TENSORS.spec_from_pb, info.output_schema)
        return Signature(tuple(inputs), tuple(outputs))

    async def retain(self, endpoints: Collection[str]) -> None:
        now = self._clock.monotonic()
        for endpoint, opened in list(self._open.items()):
            if endpoint in endpoints:
                opened.unwanted_since = None
            elif opened.unwanted_since is None:
                opened.unwanted_since = now
            elif now - opened.unwanted_since > _LINGER:
                del self._open[endpoint]
                await opened.link.close()
                await opened.channel.close()

    async def _predict(self, opened: _Open, request: pb.PredictRequest, seconds: float) -> pb.PredictResponse:
        if self._clock.monotonic() >= opened.plain_until:
            try:
                return pb.PredictResponse.FromString(
                    await opened.link.call(request.SerializeToString(), timeout=seconds)
                )
            except Unimplemented:
                opened.plain_until = self._clock.monotonic() + _WITHOUT_LINK
        response: pb.PredictResponse = await opened.stub.Predict(request, timeout=seconds)
        return response

    def _of(self, target: Target) -> _Open:
        opened = self._open.get(target.endpoint)
        if opened is None:
            channel = self._channels.open(target.endpoint, peer=_PEER, timeout=_TIMEOUT, passing=_PASSING)
            stub: Any = ModelServingServiceStub(channel)
            link = self._channels.link(
                _PREDICT,
                partial(_locate, stub, target.endpoint),
                peer=_PEER,
                timeout=_TIMEOUT,
                passing=_PASSING,
            )
            opened = self._open[target.endpoint] = _Open(channel, stub, link)
        return opened


async def _locate(stub: Any, endpoint: str) -> tuple[str, int]:
    """Where the runtime's link listens. Raises Unimplemented for a runtime without one, Unavailable."""
    response = await stub.GetModelStatus(pb.GetModelStatusRequest(), timeout=_LOOK_TIMEOUT)
    port: int = response.status.link_port
    if not port:
        raise Unimplemented("a runtime without a link")
    return endpoint.rpartition(":")[0].strip("[]"), port
