"""The main job at small size: the same story that `make demo` tells, with a few hundred flights of March."""

import json
import os
import subprocess
import sys

import psutil
import pytest
from fp_testkit.patience import PATIENCE

FLIGHTS = 300


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The finished process of one demo, and the folder that was its clone and home."""
    home = tmp_path_factory.mktemp("demo")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "FP_DATA": str(home / ".data")}
    options = ["--flights", str(FLIGHTS), "--until", "2013-03-15", "--haste", "10"]
    command = [sys.executable, "-m", "fp_flights", *options]
    process = subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=30 * PATIENCE, check=False
    )
    return process, home


def test_every_prediction_is_answered_and_metered_and_the_control_is_quiet(demo):
    process, _ = demo
    outcome = json.loads(process.stdout.splitlines()[-1])

    # Two weeks are too short for a season to do harm: nothing has to be retrained.
    assert process.returncode == (0 if outcome["status"] == "closed" else 1), process.stdout + process.stderr
    assert outcome["status"] in {"closed", "open"}
    assert outcome["predictions"] == outcome["usage_recorded"] > FLIGHTS
    assert outcome["failed_predictions"] == 0
    assert outcome["control_alarms"] == 0
    assert outcome["production"] in outcome["versions"]


def test_what_the_last_line_promises_is_there_in_its_order(demo):
    process, _ = demo
    assert list(json.loads(process.stdout.splitlines()[-1])) == [
        *("status", "predictions", "failed_predictions", "usage_recorded", "control_alarms", "drift_reports"),
        *("retrains", "challengers_refused", "versions", "production", "auc_v1", "auc_final", "seconds"),
    ]
    assert "├─ data flight_outcomes  as_of 2013-03-01T05:00:00Z" in process.stdout


def test_what_the_first_version_learned_from_is_the_same_when_it_is_built_again_later(demo):
    process, _ = demo
    words = " ".join(process.stdout.split())

    assert "of version 1, as of and known as of 2013-03-01T05:00:00Z, built again: byte-identical" in words


def test_the_training_is_a_tracked_run_that_finished_with_metrics(demo):
    process, _ = demo
    _, _, table = process.stdout.partition("Runs of the experiment flight-delay")
    columns, run = (line.split() for line in table.splitlines()[1:3])

    assert columns == ["RUN", "STATUS", "UNTIL", "LOG-LOSS", "AUC"]
    _, status, until, losses, auc = run
    first, _, last = losses.partition("→")
    assert (status, until) == ("FINISHED", "2013-03-01")
    assert 0 < float(last) < float(first) < 1
    assert float(auc) > 0.6


def test_it_leaves_nothing_running(demo):
    _, home = demo

    left = [process.cmdline() for process in psutil.process_iter(["cmdline"]) if str(home) in str(process.info)]
    assert left == []
