"""What it brings that requests share a run of the model: a perceptron of 1024, 4096 and 4096 units, one row a request.

Callers each wait for their own answer from the runner of a runtime (`fp_serving.adapters.runner`), once as a runtime
has it and once with a model whose requests may not share a run. `ours` is rows/s with sharing, the peer the same runner
without, `floor` bare ONNX Runtime with as many rows a run as there are callers, which is what sharing could reach.
Rounds alternate; medians.

CALLERS: how many. ROUNDS, SECONDS: how many rounds, and how long each takes.
"""

import asyncio
import os
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvloop
from form import report
from fp_kernel import SystemClock
from fp_serving.adapters.machine import model_threads
from fp_serving.adapters.onnx import OnnxEngine, OnnxModel
from fp_serving.adapters.runner import BatchRunner
from fp_serving.domain.batching import BatchPolicy
from onnx import TensorProto, helper, numpy_helper

CALLERS = int(os.environ.get("CALLERS", "64"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "3"))
UNITS = (1024, 4096, 4096)
PATIENCE = 600.0


def perceptron(path: Path) -> None:
    random = np.random.default_rng(0)
    weights, nodes, before = [], [], "x"
    for layer, (wide, narrow) in enumerate(pairwise(UNITS)):
        values = random.standard_normal((wide, narrow), dtype=np.float32) / np.float32(wide**0.5)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        nodes += [
            helper.make_node("MatMul", [before, f"w{layer}"], [f"m{layer}"]),
            helper.make_node("Relu", [f"m{layer}"], [f"r{layer}"]),
        ]
        before = f"r{layer}"
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", UNITS[0]])],
        [helper.make_tensor_value_info(before, TensorProto.FLOAT, ["rows", UNITS[-1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


class Runs:
    """How many, and rows of all of them."""

    def __init__(self) -> None:
        self.count = self.rows = 0

    def waited(self, seconds: float) -> None:
        """Not measured here."""

    def ran(self, rows: int, seconds: float) -> None:  # noqa: ARG002 -- the observer's names
        self.count += 1
        self.rows += rows


async def served(model: OnnxModel, row: Any, *, shares: bool) -> tuple[float, float]:
    """Rows/s of a round, and rows of a run."""
    runs = Runs()
    policy = BatchPolicy(max_rows=256, max_delay=0.0, max_waiting_rows=8_192)
    runner = BatchRunner(policy, threads=1, clock=SystemClock(), observer=runs)
    runner.start(model, shares=shares, seconds=float("inf"))
    answered, until = 0, time.perf_counter() + SECONDS

    async def caller() -> None:
        nonlocal answered
        while time.perf_counter() < until:
            await runner.submit({"x": row}, key=row.shape[1:], rows=1, deadline=time.monotonic() + PATIENCE)
            answered += 1

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    rate = answered / (time.perf_counter() - began)
    await runner.close()
    return rate, runs.rows / runs.count


def bare(session: Any, rows: Any) -> float:
    began, count = time.perf_counter(), 0
    while (seconds := time.perf_counter() - began) < SECONDS:
        session.run(None, {"x": rows})
        count += len(rows)
    return count / seconds


async def compare() -> None:
    with tempfile.TemporaryDirectory(prefix="fp-bench-batching-") as folder:
        path, threads = Path(folder) / "perceptron.onnx", model_threads()
        await asyncio.to_thread(perceptron, path)
        model = OnnxEngine(threads).load(path, wide=True)
        assert model.row_wise, "the graph of the model does not let requests share a run"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rows = np.random.default_rng(1).standard_normal((CALLERS, UNITS[0]), dtype=np.float32)
    session.run(None, {"x": rows})
    shared, alone, floors = [], [], []
    for _ in range(ROUNDS):
        shared.append(await served(model, rows[:1], shares=True))
        alone.append(await served(model, rows[:1], shares=False))
        floors.append(await asyncio.to_thread(bare, session, rows))
    report(
        "batching",
        "rows/s",
        statistics.median(rate for rate, _ in shared),
        statistics.median(floors),
        {"without sharing": statistics.median(rate for rate, _ in alone)},
        {"callers": CALLERS, "threads": threads, "rows_a_run": round(statistics.median(each for _, each in shared), 1)},
    )


if __name__ == "__main__":
    uvloop.run(compare())
