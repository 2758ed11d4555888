"""A model and the files of its weights as one artifact."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fp_onnx import Unreadable, pack, read_artifact, read_model, refusal, unpack, warm_up_of, with_warm_up
from fp_onnx.bundle import MODEL, WARM_UP
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper


def model(*places: str) -> bytes:
    """One that adds weights from each of these files."""
    weights = [TensorProto(name=f"w{at}", data_type=1, dims=[2], data_location=1) for at in range(len(places))]
    for weight, place in zip(weights, places, strict=True):
        weight.external_data.add(key="location", value=place)
    graph = helper.make_graph(
        [helper.make_node("Sum", ["x", *(weight.name for weight in weights)], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, ["n", 2])],
        [helper.make_tensor_value_info("y", 1, ["n", 2])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "b").write_bytes(b"b" * 1_000)
    (tmp_path / "a").write_bytes(b"")
    return {"weights/b.bin": tmp_path / "b", "a.data": tmp_path / "a"}


def test_a_bundle_is_read_as_its_model_with_the_files_beside_it(files: dict[str, Path]) -> None:
    content = model(*files)
    bundle = pack(content, files)
    found = read_artifact([bundle])
    assert found.model == read_model([content])
    assert found.files == {"weights/b.bin": 1_000, "a.data": 0}
    assert refusal(found.model, found.files) == ""
    assert "another file (weights/b.bin)" in refusal(found.model, ["a.data"])
    assert pack(content, files) == bundle
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        assert tar.getnames() == ["model.onnx", "a.data", "weights/b.bin"]


def test_a_model_that_is_one_file_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "artifact"
    for content in (model(), b"x", b""):
        path.write_bytes(content)
        assert unpack(path, tmp_path / "nowhere") == path
    assert read_artifact([model()]).files == {}


def test_a_bundle_is_unpacked_into_a_folder(files: dict[str, Path], tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    artifact.write_bytes(pack(model(*files), files))
    unpacked = unpack(artifact, tmp_path / "new")
    assert unpacked.read_bytes() == model(*files)
    assert (tmp_path / "new/weights/b.bin").read_bytes() == b"b" * 1_000


@given(st.data())
def test_pieces_of_any_size_and_bytes_of_any_kind_are_read_or_refused(data: st.DataObject) -> None:
    bundle = bytearray(pack(model("w"), {"w": Path("/dev/null")}))
    for at in data.draw(st.lists(st.integers(0, len(bundle) - 1), max_size=3)):
        bundle[at] ^= data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(bundle)))
    size = data.draw(st.integers(1, 700))
    refused = False
    try:
        read_artifact(_cut(bytes(bundle[:end]), size))
    except Unreadable:
        refused = True
    try:
        read_artifact([bytes(bundle[:end])])
    except Unreadable:
        assert refused
    else:
        assert not refused


def _cut(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content)
            tar.addfile(info, io.BytesIO(content))
    return found.getvalue()


@pytest.mark.parametrize(
    ("bundle", "says"),
    [
        (_tar(("../model.onnx", b"")), "plain names"),
        (_tar(("/model.onnx", b"")), "plain names"),
        (_tar(("model.onnx", b""), kind=tarfile.SYMTYPE), "plain files"),
        (_tar(("other", model())), "first file must be model.onnx"),
        (_tar(("model.onnx", model("w")), ("w", b"1"), ("w", b"2")), "holds w twice"),
        (_tar(("model.onnx", model("w")), ("../w", b"1")), "plain names"),
        (_tar(("model.onnx", model()), ("w", b"1")), "file w, which the model does not name"),
        (_tar(("model.onnx", model("w")), ("w", b"1" * 5_000))[:4_000], "in the middle of w"),
        (_tar(("model.onnx", b"no model")), "not written as one"),
    ],
)
def test_a_tar_that_is_no_bundle_is_refused_and_written_nowhere(tmp_path: Path, bundle: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read_artifact([bundle])
    (tmp_path / "artifact").write_bytes(bundle)
    (tmp_path / "deep" / "new").mkdir(parents=True)
    with suppress(Unreadable):
        unpack(tmp_path / "artifact", tmp_path / "deep" / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"artifact", "deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"new"}


def test_a_name_that_is_not_plain_is_not_packed(tmp_path: Path) -> None:
    for name in ("../w", "/w", "w w", ".w", "x" * 101):
        with pytest.raises(Unreadable, match="plain names"):
            pack(model(name), {name: tmp_path})


def test_what_a_bundle_cannot_hold_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"")
    most = {f"w{at}": tmp_path / "w" for at in range(999)}
    assert len(read_artifact([pack(model(*most), most)]).files) == 999
    with pytest.raises(Unreadable, match="1000 files"):
        pack(model(), most | {"w": tmp_path / "w"})
    with pytest.raises(Unreadable, match="as the model itself"):
        pack(model(MODEL), {MODEL: tmp_path / "w"})
    with (tmp_path / "large").open("wb") as large:
        large.truncate(8 * 1024**3)
    with pytest.raises(Unreadable, match="larger than"):
        pack(model("large"), {"large": tmp_path / "large"})


def test_a_tar_of_more_files_than_a_bundle_may_have_is_refused() -> None:
    names = [f"w{at}" for at in range(1_000)]
    with pytest.raises(Unreadable, match="more than 1000 files"):
        read_artifact([_tar((MODEL, model(*names)), *((name, b"") for name in names))])


def test_a_model_that_claims_more_than_a_model_may_have_is_refused() -> None:
    head = tarfile.TarInfo(MODEL)
    head.size = 2**31
    with pytest.raises(Unreadable, match="of at most 2147483647 bytes"):
        read_artifact([head.tobuf(tarfile.USTAR_FORMAT)])


def test_samples_lie_behind_the_model_and_are_no_file_of_it(files: dict[str, Path], tmp_path: Path) -> None:
    content = model(*files)
    bundle = pack(content, files, b"[]")
    found = read_artifact([bundle])
    assert (found.warm_up, found.files.keys()) == (b"[]", files.keys())
    assert with_warm_up(pack(content, files), b"[]") == bundle
    alone = with_warm_up(model(), b"[{}]")
    path = tmp_path / "artifact"
    path.write_bytes(alone)
    assert (read_artifact([alone]).warm_up, warm_up_of(path)) == (b"[{}]", b"[{}]")
    assert unpack(path, tmp_path / "out").read_bytes() == model()
    for without in (model(), pack(content, files)):
        path.write_bytes(without)
        assert (read_artifact([without]).warm_up, warm_up_of(path)) == (None, None)


def test_samples_are_bounded_and_have_their_name_for_themselves(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="at most"):
        read_artifact([pack(model(), {}, bytes(1024 * 1024 + 1))])
    (tmp_path / "w").write_bytes(b"")
    with pytest.raises(Unreadable, match="samples are called"):
        pack(model(WARM_UP), {WARM_UP: tmp_path / "w"})
