"""Three bad versions, each behind a real canary: all are refused, and the stable version refuses nobody."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_flights import pipelines
from fp_kernel import Error, new_id
from onnx import TensorProto, helper, numpy_helper
from platform_client import Client, linear_model, new_version, row

pytestmark = pytest.mark.proof
# The third column is what the caller asks of a bad version: 0 is answered, and so is 1 by the version that fails at 2.
ASKED = (0, 1, 2)
CALLERS = 4
PAUSE_SECONDS = 0.05
DEADLINE_SECONDS = 5.0
LIMITS = {
    "weight_bps": 3_000,
    "min_seconds": 3,
    "min_samples": 30,
    "max_error_rate": 0.1,
    "timeout_seconds": 120,
}


def model(nodes, constants=()) -> bytes:
    """`x` of three columns to `y` of one, as the linear model of the tests has them."""
    graph = helper.make_graph(
        nodes,
        "bad",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in dict(constants).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


ASK = (
    helper.make_node("Gather", ["x", "column"], ["asked"], axis=1),
    helper.make_node("Cast", ["asked"], ["index"], to=TensorProto.INT64),
)
COLUMN = {"column": np.array([2], np.int64)}


def failing() -> bytes:
    """Looks its answer up in a table of two rows: a third of the calls asks for one that is not there."""
    nodes = [*ASK, helper.make_node("Gather", ["table", "index"], ["y"], axis=0)]
    return model(nodes, {**COLUMN, "table": np.array([1, 2], np.float32)})


def hanging() -> bytes:
    """Counts to a number that no process reaches, for every call that does not ask for 0."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["value", "value"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [None, 1]),
        ],
    )
    nodes = [
        *ASK,
        helper.make_node("ReduceMax", ["index"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "turns"], ["count"]),
        helper.make_node("Loop", ["count", "", "asked"], ["y"], body=body),
    ]
    return model(nodes, {**COLUMN, "turns": np.array(10**12, np.int64)})


def empty() -> bytes:
    """Answers every call in time, with a tensor that has no row."""
    nodes = [
        helper.make_node("Gather", ["x", "column"], ["all"], axis=1),
        helper.make_node("Compress", ["all", "nothing"], ["y"], axis=0),
    ]
    return model(nodes, {**COLUMN, "nothing": np.array([False])})


class Callers:
    """Predict by the split and, as often, with the stable version by name; what they were answered, by version."""

    def __init__(self, client: Client, name: str, stable: str) -> None:
        self._client = client
        self._name = name
        self._stable = stable
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.refused_by_stable: Counter[str] = Counter()

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._call_on()) for _ in range(CALLERS)]
            try:
                yield
            finally:
                for task in running:
                    task.cancel()

    async def _call_on(self) -> None:
        asked = 0
        while True:
            ask = ASKED[asked % len(ASKED)]
            await self.call(ask, self.failed)
            await self.call(ask, self.refused_by_stable, version=self._stable)
            asked += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def call(self, ask: int, failures: Counter[str], *, version: str = "") -> None:
        request = inference_pb2.PredictRequest(
            model_name=self._name,
            inputs={"x": row(1, 1, ask)},
            sticky_key=str(new_id()),
            version_override=version,
        )
        try:
            response = await self._client.inference.Predict(request, timeout=DEADLINE_SECONDS)
        except Error as error:
            failures[f"{type(error).__name__}: {error}"] += 1
        else:
            self.answered[response.served_version] += 1


def behind_canary() -> dict:
    pipeline = pipelines.canary_deployment()
    for step in pipeline["steps"]:
        if step["id"] == "canary":
            step["config"] = LIMITS
    return pipeline | {"name": "behind-a-strict-canary"}


@pytest.mark.parametrize("bad", [failing, hanging, empty])
async def test_a_bad_version_is_refused_and_the_stable_one_answers_on(admin, bad):
    name = f"canary-{bad.__name__}"
    stable = await new_version(admin, name, linear_model())
    first = await admin.run(pipelines.deployment(), {"model": name, "version": stable.version})
    assert first.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, first
    version = await new_version(admin, name, bad())
    callers = Callers(admin, name, stable.version)

    async with callers.calling():
        execution = await admin.run(behind_canary(), {"model": name, "version": version.version})
    print(f"\n{bad.__name__}: {execution.error}\n  answered {dict(callers.answered)}\n  failed {dict(callers.failed)}")

    assert execution.status == pipeline_pb2.EXECUTION_STATUS_FAILED, execution
    assert execution.error.startswith("step 'canary': "), execution.error
    assert not callers.refused_by_stable
    assert callers.answered[stable.version] > 0
    after = Counter[str]()
    for ask in ASKED * 20:
        await callers.call(ask, after)
    assert not after, "the stable version has all the traffic again and refuses nobody"
