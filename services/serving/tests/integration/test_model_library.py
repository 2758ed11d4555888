"""Models as people have them answer as ONNX Runtime alone does, row by row and in shared runs."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from fp_onnx import read_artifact, refusal
from fp_serving.adapters.onnx import OnnxEngine
from fp_serving.adapters.runner import BatchRunner
from fp_serving.app.load import _load
from fp_serving.domain.arrays import decode, encode
from fp_serving.domain.batching import BatchPolicy
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from model_library import Arrays, Kept, library

SHARES_NO_RUN = {"neighbours", "int8-quantised", "detector-without-rows", "sequence"}


def close(given: Arrays, wanted: Arrays) -> None:
    assert given.keys() == wanted.keys()
    for name, array in wanted.items():
        assert given[name].shape == array.shape
        if array.dtype.kind == "f":
            assert np.allclose(given[name], array, rtol=1e-3, atol=1e-5)
        else:
            assert given[name].tolist() == array.tolist()


@pytest.mark.parametrize("name", library())
async def test_a_model_answers_as_the_runtime_alone_does(name: str, tmp_path: Path) -> None:
    kept: Kept = library()[name]()
    path = tmp_path / "model.onnx"
    path.write_bytes(kept.content)
    assert _refusal(kept.content) == ""
    clock = RunningClock()
    model, shares, seconds, _ = _load(OnnxEngine(threads=1), path, clock)
    assert shares == (name not in SHARES_NO_RUN)
    assert model.schema.left_out == ()
    runner = BatchRunner(BatchPolicy(max_rows=8, max_delay=0.0, max_waiting_rows=10_000), threads=1, clock=clock)
    runner.start(model, shares=shares, seconds=seconds)

    async def ask(inputs: Arrays) -> Arrays:
        """As requests travel: encoded, checked, decoded."""
        tensors = {each: encode(array) for each, array in inputs.items()}
        model.schema.check(tensors)
        arrays = {each: decode(tensor, each) for each, tensor in tensors.items()}
        rows = model.schema.rows(tensors) if shares else 1
        answer = await runner.submit(arrays, key=(), rows=rows, deadline=clock.monotonic() + PATIENCE)
        return {each: decode(tensor, each) if tensor.count else _empty(tensor.shape) for each, tensor in answer.items()}

    close(await ask(kept.inputs), kept.plain_answer(kept.inputs))
    if kept.row_axis:
        count = len(next(iter(kept.inputs.values())))
        rows = [{each: array[at : at + 1] for each, array in kept.inputs.items()} for at in range(count)]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(ask(row)) for row in rows]
        for row, answered in zip(rows, asked, strict=True):
            close(answered.result(), kept.plain_answer(row))
    await runner.close()


def _empty(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, np.float32)


def _refusal(content: bytes) -> str:
    artifact = read_artifact([content], with_nodes=False)
    return refusal(artifact.model, artifact.files)
