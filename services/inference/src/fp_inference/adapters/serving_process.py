"""One process that serves: frames where it takes them, gRPC beside them."""

from functools import partial
from typing import Any, Final

from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import Clock, DeadlineExceeded, Error, InvalidArgument, PermissionDenied, Unimplemented
from fp_rpc import Channels

from fp_inference.domain.routes import Target

LOOK_SECONDS: Final = 1.0
_TIMEOUT: Final = 10.0
# A runtime says what is wrong with the tensors of a request; `Forward` judges each kind, breakers in view.
_PASSING: Final = (InvalidArgument, PermissionDenied, Unimplemented, DeadlineExceeded)
# A runtime of the release before has no link; it is asked again after so many seconds, as it may have been replaced.
_WITHOUT_LINK: Final = 30.0
_PEER: Final = "serving"
_PREDICT: Final = "/forgepoint.serving.v1.ModelServingService/Predict"


class ServingProcess:
    def __init__(self, channels: Channels, clock: Clock, address: str) -> None:
        self._clock = clock
        self._address = address
        self._plain_until = 0.0
        self._channel = channels.open(address, peer=_PEER, timeout=_TIMEOUT, passing=_PASSING)
        self.stub: Any = ModelServingServiceStub(self._channel)
        locate = partial(_locate, self.stub, address)
        self._link = channels.link(_PREDICT, locate, peer=_PEER, timeout=_TIMEOUT, passing=_PASSING)

    async def predict(self, request: pb.PredictRequest, seconds: float) -> pb.PredictResponse:
        if self._clock.monotonic() >= self._plain_until:
            try:
                return pb.PredictResponse.FromString(
                    await self._link.call(request.SerializeToString(), timeout=seconds)
                )
            except Unimplemented:
                self._plain_until = self._clock.monotonic() + _WITHOUT_LINK
        response: pb.PredictResponse = await self.stub.Predict(request, timeout=seconds)
        return response

    async def is_ready(self, target: Target) -> bool:
        request = pb.GetModelStatusRequest(version=target.version, version_id=target.version_id)
        try:
            status = (await self.stub.GetModelStatus(request, timeout=LOOK_SECONDS)).status
        except Error:
            return False
        # A runtime that is shared loads again what it has unloaded to make room, with the first request.
        made_room: bool = status.state == pb.MODEL_STATE_UNLOADED and not status.reason
        return made_room or status.state == pb.MODEL_STATE_READY

    async def close(self) -> None:
        await self._link.close()
        await self._channel.close()


async def _locate(stub: Any, address: str) -> tuple[str, int]:
    """Where the process' link listens. Raises Unimplemented for one without, Unavailable."""
    response = await stub.GetModelStatus(pb.GetModelStatusRequest(), timeout=LOOK_SECONDS)
    port: int = response.status.link_port
    if not port:
        raise Unimplemented("a runtime without a link")
    return address.rpartition(":")[0].strip("[]"), port
