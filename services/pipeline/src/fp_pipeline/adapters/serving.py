"""The status of a runtime's model, over gRPC."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

from forgepoint.common.v1 import model_pb2
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import Error
from fp_rpc import Channels, acting_for
from fp_rpc.client.names import resolve
from fp_rpc.client.targets import Resolved, addresses_of
from fp_rpc.tensors import TENSOR_TYPES, TensorForm

from fp_pipeline.app.peers import Actor, RuntimeSpec, Served, ServedState
from fp_pipeline.app.version_runtimes import ModelStatus
from fp_pipeline.domain.deployment import Deployment

_LOADING = frozenset({pb.MODEL_STATE_UNSPECIFIED, pb.MODEL_STATE_DOWNLOADING, pb.MODEL_STATE_LOADING})
# What a process that it has for itself does not refuse.
_ALONE = frozenset({"QUARANTINED", "MODEL_TOO_LARGE"})
_STATE = "MODEL_STATE_"
_PAGE = 100
# As many as a process knows versions.
_MOST_PAGES = 100
_FORM = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)


class GrpcProbe:
    def __init__(self, channels: Channels, *, timeout: float) -> None:
        """timeout: seconds for one look."""
        self._channels = channels
        self._timeout = timeout

    async def outcasts(self, team: str, address: str) -> frozenset[str]:
        request = pb.ListLoadedModelsRequest(
            pagination=PaginationRequest(page_size=_PAGE), state_filter=pb.MODEL_STATE_FAILED
        )
        found: set[str] = set()
        async with self._channels.open(address, peer="serving", timeout=self._timeout) as channel:
            stub = ModelServingServiceStub(channel)
            for _ in range(_MOST_PAGES):
                with acting_for(team):
                    answer = await stub.ListLoadedModels(request)
                found.update(each.version_id for each in answer.models if each.reason in _ALONE)
                request.pagination.page_token = answer.pagination.next_page_token
                if not request.pagination.page_token:
                    break
        return frozenset(found)

    async def look(self, actor: Actor, address: str, spec: RuntimeSpec) -> Served:
        places = addresses_of(address)
        if isinstance(places, Resolved):
            # A name has the addresses of those alone that are ready.
            return await self._look(actor, address, spec)
        said = [await self._look(actor, place, spec) for place in places]
        return next((each for each in said if each.state is ServedState.FAILED), None) or next(
            (each for each in said if each.state is ServedState.LOADING), said[0]
        )

    async def _look(self, actor: Actor, address: str, spec: RuntimeSpec) -> Served:
        named = {"model_name": spec.model_name, "version": spec.version, "version_id": spec.version_id}
        # A runtime is looked at a few times in its life: a channel kept for each would outlive it.
        async with self._channels.open(address, peer="serving", timeout=self._timeout) as channel:
            stub = ModelServingServiceStub(channel)
            with acting_for(actor.team, actor.user_id):
                status = (await stub.GetModelStatus(pb.GetModelStatusRequest(**named))).status
                if status.state == pb.MODEL_STATE_UNLOADED:
                    await stub.LoadModel(pb.LoadModelRequest(**named))
                    return Served(ServedState.LOADING)
                if status.state in _LOADING:
                    return Served(ServedState.LOADING)
                if status.state != pb.MODEL_STATE_READY:
                    return Served(ServedState.FAILED, status.message, alone=status.reason in _ALONE)
                info = (await stub.GetModelInfo(pb.GetModelInfoRequest(**named))).model_info
        signature = model_pb2.Signature(inputs=_tensors(info.input_schema), outputs=_tensors(info.output_schema))
        return Served(
            ServedState.READY,
            signature=signature.SerializeToString(),
            inputs=frozenset(tensor.name for tensor in info.input_schema if not tensor.optional),
            optional=frozenset(tensor.name for tensor in info.input_schema if tensor.optional),
        )


class GrpcModels:
    """`app.version_runtimes.Models`. timeout: seconds for one call."""

    def __init__(self, channels: Channels, *, timeout: float) -> None:
        self._channels = channels
        self._timeout = timeout

    async def statuses(self, actor: Actor, deployment: Deployment) -> Sequence[ModelStatus]:
        try:
            addresses = await _addresses(deployment.endpoint)
        except Error as error:
            return [_away(error)]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._status(actor, each, deployment)) for each in addresses]
        found = [each.result() for each in asked]
        return [replace(each, replica=number) for number, each in enumerate(found, 1)] if len(found) > 1 else found

    async def _status(self, actor: Actor, address: str, deployment: Deployment) -> ModelStatus:
        request = pb.GetModelStatusRequest(**_named(deployment))
        try:
            return await self._ask(actor, address, lambda stub: stub.GetModelStatus(request))
        except Error as error:
            return _away(error)

    async def load(self, actor: Actor, deployment: Deployment) -> ModelStatus:
        request = pb.LoadModelRequest(**_named(deployment))
        return await self._ask(actor, deployment.endpoint, lambda stub: stub.LoadModel(request))

    async def unload(self, actor: Actor, deployment: Deployment, reason: str) -> ModelStatus:
        request = pb.UnloadModelRequest(**_named(deployment), reason=reason)
        return await self._ask(actor, deployment.endpoint, lambda stub: stub.UnloadModel(request))

    async def _ask(self, actor: Actor, address: str, call: Callable[[Any], Awaitable[Any]]) -> ModelStatus:
        async with self._channels.open(address, peer="serving", timeout=self._timeout) as channel:
            with acting_for(actor.team, actor.user_id):
                status = (await call(ModelServingServiceStub(channel))).status
        return ModelStatus(
            pb.ModelState.Name(status.state).removeprefix(_STATE),
            status.message,
            status.reason,
            status.memory_bytes,
            status.updated_at.ToDatetime(UTC) if status.HasField("updated_at") else None,
        )


async def _addresses(endpoint: str) -> Sequence[str]:
    """Raises Unavailable."""
    places = addresses_of(endpoint)
    return await resolve(places) if isinstance(places, Resolved) else places


def _away(error: Error) -> ModelStatus:
    return ModelStatus("", f"its process does not answer: {error.kind}")


def _named(deployment: Deployment) -> dict[str, Any]:
    return {
        "model_name": deployment.model_name,
        "version": deployment.version,
        "version_id": deployment.version_id,
    }


def _tensors(specs: Iterable[pb.TensorSpec]) -> list[model_pb2.SignatureTensor]:
    return [
        model_pb2.SignatureTensor(name=spec.name, type=_type(spec), shape=spec.shape, optional=spec.optional)
        for spec in specs
    ]


def _type(spec: pb.TensorSpec) -> model_pb2.TensorType.ValueType:
    element = _FORM.element(spec.dtype)
    return model_pb2.TENSOR_TYPE_UNSPECIFIED if element is None else TENSOR_TYPES[element]
