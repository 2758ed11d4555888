"""What the last step of the recipe leaves of an installation."""

import subprocess
import sys
from pathlib import Path

import pytest

FINISH = Path(__file__).resolve().parents[2] / "deploy" / "docker" / "finish.py"
RECORD = "planted/__init__.py,,\nplanted-1.dist-info/uv_cache.json,sha256=0,9\nplanted-1.dist-info/WHEEL,,\n"


@pytest.fixture
def installed(tmp_path):
    """An environment with one package and its metadata."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    packages = tmp_path / "lib" / "python3" / "site-packages"
    for folder in ("planted", "planted-1.dist-info"):
        (packages / folder).mkdir(parents=True)
    (packages / "planted" / "__init__.py").write_text("NAMES = {'a', 'b', 'c'}\n")
    (packages / "planted" / "__main__.py").write_text("print('it runs')\n")
    (packages / "planted-1.dist-info" / "uv_cache.json").write_text('{"timestamp": 1}')
    (packages / "planted-1.dist-info" / "RECORD").write_text(RECORD)
    return tmp_path, packages


def finish(prefix):
    subprocess.run([sys.executable, FINISH, "planted", prefix], check=True)


def test_the_start_runs_the_module(installed):
    prefix, packages = installed

    finish(prefix)

    environment = {"PYTHONPATH": str(packages)}
    assert (
        subprocess.run([prefix / "bin" / "start"], env=environment, capture_output=True, check=True).stdout
        == b"it runs\n"
    )


def test_no_time_of_the_build_is_left(installed):
    prefix, packages = installed

    finish(prefix)

    assert not list(packages.glob("*/uv_cache.json"))
    assert (packages / "planted-1.dist-info" / "RECORD").read_text() == RECORD.replace(
        "planted-1.dist-info/uv_cache.json,sha256=0,9\n", ""
    )


def test_bytecode_says_nothing_of_when_its_source_was_written(installed):
    prefix, packages = installed
    finish(prefix)
    [compiled] = (packages / "planted" / "__pycache__").glob("__init__.*.pyc")
    before = compiled.read_bytes()
    compiled.unlink()
    (packages / "planted" / "__init__.py").touch()

    finish(prefix)

    assert compiled.read_bytes() == before
    assert before[4:8] == b"\x01\x00\x00\x00"  # by the digest of its source, which is not compared


def test_what_does_not_compile_ends_the_build(installed):
    prefix, packages = installed
    (packages / "planted" / "broken.py").write_text("def\n")

    with pytest.raises(subprocess.CalledProcessError):
        finish(prefix)
