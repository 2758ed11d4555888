"""A library of models as people have them: each is registered by the command's own code, deployed, asked over gRPC by a
client of the edge, and answers as ONNX Runtime alone does. The memory of each runtime is printed.
"""

import asyncio

import numpy as np
import psutil
import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_cli import onnx_file, upload
from fp_flights import pipelines
from fp_kernel.tensors import Tensor
from fp_rpc.tensors import TensorForm
from fp_serving.domain.arrays import decode, encode
from model_library import Arrays, Kept, library
from platform_client import Client, Platform

pytestmark = pytest.mark.proof
MEBIBYTE = 1024 * 1024
FORM = TensorForm(inference_pb2.TensorData, inference_pb2.TensorSpec, inference_pb2.DataType)


async def test_each_model_of_the_library_is_served_and_answers_as_the_runtime_alone(admin: Client, platform: Platform):
    sizes: dict[str, tuple[int, int, int]] = {}
    for name, make in library().items():
        kept = make()
        before = {runtime.name for runtime in await platform.supervisor.runtimes()}
        await _deployed(admin, name, kept)
        answered = await _ask(admin, name, kept.inputs)
        wanted = kept.plain_answer(kept.inputs)
        assert answered.keys() == wanted.keys()
        for output, array in wanted.items():
            assert answered[output].shape == array.shape, (name, output)
            if array.dtype.kind == "f":
                assert np.allclose(answered[output], array, rtol=1e-3, atol=1e-5), (name, output)
            else:
                assert answered[output].tolist() == array.tolist(), (name, output)
        own = [runtime for runtime in await platform.supervisor.runtimes() if runtime.name not in before]
        memory = psutil.Process(_pid(await platform.supervisor.status(), own[0].name)).memory_full_info()
        sizes[name] = (len(kept.content), memory.rss, memory.pss)
    print(f"\n{'model':24}{'file KiB':>10}{'RSS MiB':>10}{'PSS MiB':>10}")
    for name, (size, rss, pss) in sizes.items():
        print(f"{name:24}{size / 1024:10.1f}{rss / MEBIBYTE:10.1f}{pss / MEBIBYTE:10.1f}")
    assert sizes.keys() == library().keys()


def _pid(status, name: str) -> int:
    return next(process.pid for process in status.processes if process.name == name)


async def _deployed(client: Client, name: str, kept: Kept) -> None:
    request = registry_pb2.RegisterModelRequest(name=name, framework="onnx")
    model = (await client.registry.RegisterModel(request)).model
    signature = onnx_file.signature(kept.content, [])
    created = await client.registry.CreateVersion(
        registry_pb2.CreateVersionRequest(model_id=model.id, signature=signature)
    )
    await asyncio.to_thread(upload._put, created.upload_url, kept.content, client.files)
    confirmed = await client.registry.ConfirmVersionUpload(
        registry_pb2.ConfirmVersionUploadRequest(version_id=created.version.id)
    )
    assert confirmed.version.status == registry_pb2.VERSION_STATUS_READY, confirmed
    execution = await client.run(pipelines.deployment(), {"model": name, "version": confirmed.version.version})
    assert execution.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, (name, execution.error)


async def _ask(client: Client, name: str, inputs: Arrays) -> Arrays:
    tensors = {each: encode(array) for each, array in inputs.items()}
    request = inference_pb2.PredictRequest(model_name=name, inputs=FORM.all_to_pb(tensors))
    response = await client.inference.Predict(request)
    return {each: _array(FORM.from_pb(tensor, each)) for each, tensor in response.outputs.items()}


def _array(tensor: Tensor) -> np.ndarray:
    return decode(tensor, "answer") if tensor.count else np.empty(tensor.shape, np.float32)
