"""A model of any kind on a platform, from its artifact to its answers."""

import asyncio
from typing import Any

import numpy as np
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_cli import onnx_file, upload
from fp_flights import pipelines
from fp_kernel import AlreadyExists
from fp_kernel.ensembles import FIRST
from fp_kernel.tensors import Tensor
from fp_rpc.tensors import TensorForm
from fp_serving.domain.arrays import decode, encode
from platform_client import Client

FORM = TensorForm(inference_pb2.TensorData, inference_pb2.TensorSpec, inference_pb2.DataType)
Arrays = dict[str, np.ndarray[Any, Any]]


async def register(client: Client, name: str, content: bytes) -> Any:
    """The READY version, of a model or of an ensemble."""
    try:
        request = registry_pb2.RegisterModelRequest(name=name, framework="onnx")
        model = (await client.registry.RegisterModel(request)).model
    except AlreadyExists:
        model = (await client.registry.GetModel(registry_pb2.GetModelRequest(name=name))).model
    signature = None if content.startswith(FIRST) else onnx_file.signature(content, [])
    made = registry_pb2.CreateVersionRequest(model_id=model.id, signature=signature)
    created = await client.registry.CreateVersion(made)
    await asyncio.to_thread(upload._put, created.upload_url, content, client.files)
    confirmed = await client.registry.ConfirmVersionUpload(
        registry_pb2.ConfirmVersionUploadRequest(version_id=created.version.id)
    )
    assert confirmed.version.status == registry_pb2.VERSION_STATUS_READY, confirmed
    return confirmed.version


async def deploy(client: Client, name: str, content: bytes) -> Any:
    """The version, which takes all the traffic of its model."""
    version = await register(client, name, content)
    execution = await client.run(pipelines.deployment(), {"model": name, "version": version.version})
    assert execution.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, (name, execution.error)
    return version


async def predict(client: Client, name: str, inputs: Arrays) -> Arrays:
    tensors = {each: encode(array) for each, array in inputs.items()}
    request = inference_pb2.PredictRequest(model_name=name, inputs=FORM.all_to_pb(tensors))
    response = await client.inference.Predict(request)
    return {each: _array(FORM.from_pb(tensor, each)) for each, tensor in response.outputs.items()}


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    return decode(tensor, "answer") if tensor.count else np.empty(tensor.shape, np.float32)
