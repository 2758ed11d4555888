"""Real models in ONNX Runtime."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from fp_kernel import InvalidArgument
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType
from fp_onnx import pack
from fp_serving.adapters.onnx import OnnxEngine
from fp_serving.adapters.runner import BatchRunner
from fp_serving.app.load import _load
from fp_serving.domain.arrays import decode
from fp_serving.domain.batching import BatchPolicy
from fp_serving.domain.lifecycle import LoadFailed
from fp_testkit.wallclock import RunningClock
from onnx import TensorProto, helper

ModelMaker = Callable[..., Path]
_ENGINE = OnnxEngine(threads=1)
_FLOAT = TensorProto.FLOAT


def test_a_model_tells_its_tensors_and_runs(linear_model: Path) -> None:
    model = _ENGINE.load(linear_model)
    assert model.schema.inputs == (TensorSpec("x", ElementType.FLOAT32, (-1, 2)),)
    assert model.schema.outputs == (TensorSpec("y", ElementType.FLOAT32, (-1, 1)),)
    assert model.run({"x": np.array([[1, 1], [0, 2]], np.float32)})["y"].tolist() == [[5.0], [6.0]]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x08\x12"])
def test_a_corrupt_artifact_fails_with_a_reason_that_shows_no_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(LoadFailed, match="not a model that can be loaded") as caught:
        _ENGINE.load(path)
    assert str(tmp_path) not in str(caught.value)


def test_a_model_that_points_to_files_outside_its_own_folder_fails(make_model: ModelMaker, tmp_path: Path) -> None:
    path = make_model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", _FLOAT, ["rows", 2])],
        [("y", _FLOAT, ["rows", 2])],
        {"w": np.zeros((1, 2), np.float32)},
    )
    (tmp_path / "own").mkdir()
    (tmp_path / "secret").write_bytes(b"\0" * 8)
    model = onnx.load(path)
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../secret")
    (tmp_path / "own" / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(LoadFailed):
        _ENGINE.load(tmp_path / "own" / "model.onnx")


def test_strings_go_in_and_come_out(make_model: ModelMaker) -> None:
    path = make_model(
        [
            helper.make_node(
                "LabelEncoder",
                ["carrier"],
                ["name"],
                domain="ai.onnx.ml",
                keys_strings=["UA", "DL"],
                values_strings=["United", "Delta"],
                default_string="other",
            )
        ],
        [("carrier", TensorProto.STRING, ["rows"])],
        [("name", TensorProto.STRING, ["rows"])],
    )
    model, _, _, _ = _load(_ENGINE, path, RunningClock())
    answer = model.run({"carrier": np.array(["DL", "??"], object)})
    assert answer["name"].tolist() == ["Delta", "other"]


def test_values_that_the_model_cannot_compute_are_the_callers_fault(make_model: ModelMaker) -> None:
    path = make_model(
        [helper.make_node("Gather", ["table", "index"], ["y"])],
        [("index", TensorProto.INT64, ["rows"])],
        [("y", _FLOAT, ["rows"])],
        {"table": np.arange(3, dtype=np.float32)},
    )
    model = _ENGINE.load(path)
    with pytest.raises(InvalidArgument) as caught:
        model.run({"index": np.array([7], np.int64)})
    assert caught.value.reason == "MODEL_REFUSED"
    assert model.run({"index": np.array([2], np.int64)})["y"].tolist() == [2.0]


def test_a_model_whose_rows_depend_on_each_other_never_shares_a_run(make_model: ModelMaker) -> None:
    path = make_model(
        [
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["x", "mean"], ["y"]),
        ],
        [("x", _FLOAT, ["rows", 2])],
        [("y", _FLOAT, ["rows", 2])],
    )
    _, shares, _, notes = _load(_ENGINE, path, RunningClock())
    assert not shares
    assert notes == ["requests run one by one"]


def test_a_model_that_loads_but_cannot_run_fails(make_model: ModelMaker) -> None:
    path = make_model(
        [helper.make_node("Gather", ["table", "index"], ["y"])],
        [("index", TensorProto.INT64, ["rows"])],
        [("y", _FLOAT, ["rows"])],
        {"table": np.zeros(0, np.float32)},
    )
    with pytest.raises(LoadFailed, match="does not run"):
        _load(_ENGINE, path, RunningClock())


class Runs:
    """Seconds that each request waited, rows of each run."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.rows: list[int] = []

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def ran(self, rows: int, _: float) -> None:
        self.rows.append(rows)


async def test_hundreds_of_concurrent_requests_each_get_their_own_rows(linear_model: Path) -> None:
    runs = Runs()
    runner = BatchRunner(
        BatchPolicy(max_rows=16, max_delay=0.0005, max_waiting_rows=10_000),
        threads=2,
        clock=RunningClock(),
        observer=runs,
    )
    runner.start(_ENGINE.load(linear_model), shares=True, seconds=float("inf"))
    deadline = RunningClock().monotonic() + 30.0

    async def one(number: int) -> None:
        rows = 1 + number % 5
        x = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2) + number
        answer = await runner.submit({"x": x}, key=(), rows=rows, deadline=deadline)
        assert np.allclose(decode(answer["y"], "y"), x @ np.array([[2], [3]], np.float32))

    async with asyncio.TaskGroup() as group:
        for number in range(400):
            group.create_task(one(number))
    await runner.close()
    assert len(runs.waits) == 400
    assert sum(runs.rows) == sum(1 + number % 5 for number in range(400))
    assert len(runs.rows) < 400
    assert max(runs.rows) <= 16


def test_a_bundle_is_served_with_the_weights_beside_its_model(make_model: ModelMaker, tmp_path: Path) -> None:
    weights = np.arange(4096, dtype=np.float32).reshape(64, 64)
    source = make_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", _FLOAT, ["rows", 64])],
        [("y", _FLOAT, ["rows", 64])],
        {"w": weights},
    )
    apart = tmp_path / "apart"
    apart.mkdir()
    onnx.save(onnx.load(source), apart / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    bundle = tmp_path / "cached" / "model.onnx"
    bundle.parent.mkdir()
    bundle.write_bytes(pack((apart / "m.onnx").read_bytes(), {"w.bin": apart / "w.bin"}))
    model, shares, _, _ = _load(_ENGINE, bundle, RunningClock())
    assert shares
    x = np.eye(64, dtype=np.float32)[:3]
    assert np.array_equal(model.run({"x": x})["y"], weights[:3])
    assert list(bundle.parent.iterdir()) == [bundle]
