"""A stranger's first minutes: a clone, an empty home, Python and make."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.proof
ROOT = Path(__file__).parents[2]
TMP = Path("/tmp")  # noqa: S108 -- looked at, not written to


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stranger")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "forgepoint")], check=True)
    (folder / "home").mkdir()
    return folder


def make(clone, target):
    inherited = ("PATH", "LANG", "SSL_CERT_FILE", "PIP_CERT", "PYENV_ROOT")
    environment = {name: os.environ[name] for name in inherited if name in os.environ} | {"HOME": str(clone / "home")}
    started = time.monotonic()
    result = subprocess.run(
        ["make", target], cwd=clone / "forgepoint", env=environment, capture_output=True, text=True, check=False
    )
    return result, time.monotonic() - started


def test_the_loop_closes_within_eight_minutes(clone):
    before = set(TMP.iterdir())
    setup, installing = make(clone, "setup")
    assert setup.returncode == 0, setup.stderr

    result, seconds = make(clone, "demo")

    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    outcome = json.loads(result.stdout.splitlines()[-1])
    print(f"\ninstalling {installing:.0f} s, demo {seconds:.0f} s: {outcome}")
    assert outcome["status"] == "closed"
    assert outcome["predictions"] == outcome["usage_recorded"] >= 50_000
    assert outcome["failed_predictions"] == outcome["control_alarms"] == 0
    assert outcome["retrains"] >= 1
    assert outcome["auc_final"] - outcome["auc_v1"] >= 0.02
    assert seconds < 480
    assert [p.pid for p in psutil.process_iter(["cmdline"]) if str(clone) in str(p.info)] == []
    assert {path for path in set(TMP.iterdir()) - before if not is_listened_to(path)} == set()


def is_listened_to(path):
    """Whether it is the socket of a process that runs: another platform of this machine, not a leftover of ours."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
