"""The status of a runtime's model, over gRPC."""

from collections.abc import Iterable

from forgepoint.common.v1 import model_pb2
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_rpc import Channels, acting_for
from fp_rpc.tensors import TENSOR_TYPES, TensorForm

from fp_pipeline.app.peers import Actor, Served, ServedState

_LOADING = frozenset({pb.MODEL_STATE_UNSPECIFIED, pb.MODEL_STATE_DOWNLOADING, pb.MODEL_STATE_LOADING})
_FORM = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)


class GrpcProbe:
    def __init__(self, channels: Channels, *, timeout: float) -> None:
        """timeout: seconds for one look."""
        self._channels = channels
        self._timeout = timeout

    async def look(self, actor: Actor, address: str, model_name: str) -> Served:
        # A runtime is looked at a few times in its life: a channel kept for each would outlive it.
        async with self._channels.open(address, peer="serving", timeout=self._timeout) as channel:
            stub = ModelServingServiceStub(channel)
            with acting_for(actor.team, actor.user_id):
                status = (await stub.GetModelStatus(pb.GetModelStatusRequest(model_name=model_name))).status
                if status.state in _LOADING:
                    return Served(ServedState.LOADING)
                if status.state != pb.MODEL_STATE_READY:
                    return Served(ServedState.FAILED, status.message)
                info = (await stub.GetModelInfo(pb.GetModelInfoRequest(model_name=model_name))).model_info
        signature = model_pb2.Signature(inputs=_tensors(info.input_schema), outputs=_tensors(info.output_schema))
        return Served(
            ServedState.READY,
            signature=signature.SerializeToString(),
            inputs=frozenset(tensor.name for tensor in info.input_schema if not tensor.optional),
            optional=frozenset(tensor.name for tensor in info.input_schema if tensor.optional),
        )


def _tensors(specs: Iterable[pb.TensorSpec]) -> list[model_pb2.SignatureTensor]:
    return [
        model_pb2.SignatureTensor(name=spec.name, type=_type(spec), shape=spec.shape, optional=spec.optional)
        for spec in specs
    ]


def _type(spec: pb.TensorSpec) -> model_pb2.TensorType.ValueType:
    element = _FORM.element(spec.dtype)
    return model_pb2.TENSOR_TYPE_UNSPECIFIED if element is None else TENSOR_TYPES[element]
