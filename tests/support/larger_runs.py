"""Tests of `make test` once more, at the size that is left out there."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def passes(setting: str, *arguments: str) -> None:
    """setting: the variable of the environment that asks for the size. arguments: of pytest."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--workers", "2", *arguments]
    environment = os.environ | {setting: "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout[-200:])
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert re.search(r"\d+ passed", done.stdout)


def files_with(text: str) -> Sequence[str]:
    """Test files of libraries and services in which the text stands."""
    tests = sorted([*ROOT.glob("libs/*/tests/**/test_*.py"), *ROOT.glob("services/*/tests/**/test_*.py")])
    return [str(path.relative_to(ROOT)) for path in tests if text in path.read_text(encoding="utf-8")]
