"""The main job at small size: the same story that `make demo` tells, with a few hundred flights."""

import json
import os
import subprocess
import sys

import psutil
import pytest

FLIGHTS = 300


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The finished process of one demo, and the folder that was its clone and home."""
    home = tmp_path_factory.mktemp("demo")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "FP_DATA": str(home / ".data")}
    command = [sys.executable, "-m", "fp_flights", "--flights", str(FLIGHTS)]
    process = subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=240, check=False
    )
    return process, home


def test_the_story_ends_well_and_every_prediction_has_its_event(told):
    process, _ = told
    outcome = json.loads(process.stdout.splitlines()[-1])

    assert process.returncode == 0, process.stdout
    assert outcome["status"] == "ok"
    assert outcome["predictions"] == outcome["events"] == FLIGHTS
    assert outcome["failed_predictions"] == 0
    assert outcome["production"] == outcome["versions"][-1]
    assert 0.5 < outcome["auc"] < 1


def test_it_leaves_nothing_running(told):
    _, home = told

    left = [process.cmdline() for process in psutil.process_iter(["cmdline"]) if str(home) in str(process.info)]
    assert left == []
