"""What processes leave that are killed while they load a bundle."""

from pathlib import Path

from fp_serving.adapters.unpacking import folder_beside


def test_what_killed_processes_left_goes_with_the_next_load(tmp_path: Path) -> None:
    artifact = tmp_path / "model.onnx"
    artifact.write_bytes(b"")
    left = tmp_path / ".bundle-left"
    left.mkdir()
    (left / "w.bin").write_bytes(b"w")
    with folder_beside(artifact) as folder:
        assert set(tmp_path.iterdir()) == {artifact, folder}
    assert list(tmp_path.iterdir()) == [artifact]


def test_what_another_process_loads_from_stays(tmp_path: Path) -> None:
    with folder_beside(tmp_path / "model.onnx") as one:
        with folder_beside(tmp_path / "model.onnx") as other:
            assert set(tmp_path.iterdir()) == {one, other}
        assert list(tmp_path.iterdir()) == [one]
