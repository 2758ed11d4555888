"""A run that is shared by workers ends as one of a single process does."""

import os
import signal
import subprocess
import sys
import time

import pytest
from fp_testkit.patience import PATIENCE, Bound

GOOD = """
import os
from pathlib import Path
import pytest

HERE = Path(__file__).parent
(HERE / f"collected-{os.getpid()}").touch()

@pytest.fixture(scope="session")
def store():
    yield os.getpid()
    (HERE / f"ended-{os.getpid()}").touch()

@pytest.mark.parametrize("number", range(3))
def test_it(store, tmp_path, number):
    print("said by", store)
    (HERE / f"ran-{Path(__file__).stem}-{number}-{os.getpid()}-{tmp_path.name}").touch()
"""
BAD = """
import os, sys, pytest

def test_that_fails():
    print("what it said", file=sys.stderr)
    os.system("echo what its program said")
    assert 1 == 2

@pytest.mark.skip(reason="not today")
def test_that_is_skipped():
    pass

@pytest.mark.xfail(strict=True)
def test_that_fails_as_it_should():
    assert False

@pytest.fixture
def broken():
    raise RuntimeError("no such store")

def test_without_its_fixture(broken):
    pass
"""
WARNED = """
import warnings, pytest

@pytest.mark.filterwarnings("default")
def test_that_warns():
    warnings.warn("it is late", DeprecationWarning)
"""
LOST = """
import os, signal

def test_before():
    pass

def test_that_ends_its_process():
    os.kill(os.getpid(), signal.SIGKILL)

def test_after():
    pass
"""


def start(folder, *options, **files):
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "fp_testkit.plugin"]
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(folder),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COLUMNS": "200",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [*command, *options, str(folder)]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run(folder, *options, **files):
    with start(folder, *options, **files) as process:
        said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def names(folder, start):
    return [path.name.removeprefix(start) for path in folder.glob(f"{start}*")]


def test_each_test_runs_once_in_a_fork_and_a_file_stays_in_one(tmp_path):
    code, said = run(tmp_path, "--workers", "3", a=GOOD, b=GOOD, c=GOOD, d=GOOD)

    ran = [name.split("-") for name in names(tmp_path, "ran-")]
    assert (code, "12 passed" in said) == (0, True), said
    assert sorted((file, number) for file, number, _, _ in ran) == [
        (f"test_{file}", number) for file in "abcd" for number in "012"
    ]
    workers = {(file, process) for file, _, process, _ in ran}
    assert len(workers) == 4
    # One process has collected, and none of those that ran.
    (collector,) = names(tmp_path, "collected-")
    processes = {process for _, process in workers}
    assert collector not in processes
    # What a worker has for all its tests ends with it, once.
    assert set(names(tmp_path, "ended-")) == processes
    assert len({folder for *_, folder in ran}) == 12


def outcomes(said):
    """The lines of the summary, but for the seconds."""
    kinds = ("PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL")
    return sorted(line for line in said.splitlines() if line.startswith(kinds))


def test_what_came_of_the_tests_is_told_as_by_one_process(tmp_path):
    files = {"good": GOOD, "bad": BAD, "warned": WARNED}
    code, said = run(tmp_path, "--workers", "2", **files)
    alone = run(tmp_path, **files)

    assert (code, outcomes(said)) == (alone[0], outcomes(alone[1]))
    assert (code, len(outcomes(said))) == (1, 8)
    for each in ("assert 1 == 2", "what it said", "what its program said", "no such store", "it is late"):
        assert each in said
        assert each in alone[1]


def test_no_test_is_left_out_when_a_worker_is_killed(tmp_path):
    code, said = run(tmp_path, "--workers", "2", good=GOOD, lost=LOST)

    assert code == 1
    assert "4 passed" in said
    for name in ("test_that_ends_its_process", "test_after"):
        assert f"FAILED test_lost.py::{name} - not run to its end: a worker ended with -9" in said


def test_an_error_of_a_worker_itself_ends_the_run_badly(tmp_path):
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef store():\n    yield 1\n    raise SystemExit(3)\n"
    )
    code, said = run(tmp_path, "--workers", "1", a="def test_it(store):\n    pass\n")

    assert code == 1
    assert "SystemExit: 3" in said


FAILING = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    assert number == 5
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [(("-x",), (1, "stopping after 1 failures")), (("--collect-only",), (0, "7 tests collected"))],
    ids=["-x", "--collect-only"],
)
def test_a_run_that_ends_early_runs_no_other_file(tmp_path, options, expected):
    code, said = run(tmp_path, *options, "--workers", "1", first=FAILING, then=GOOD)

    assert (code, expected[1] in said, names(tmp_path, "ran-")) == (expected[0], True, []), said


def test_files_that_cannot_be_imported_end_the_run_before_any_test(tmp_path):
    code, said = run(tmp_path, "--workers", "2", a="import nothing_of_this_name", b=GOOD)

    assert (code, names(tmp_path, "ran-")) == (2, []), said


WAITING = """
import signal, time
from pathlib import Path
import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it

@pytest.fixture(scope="session")
def platform():
    yield
    (Path(__file__).parent / "ended").touch()

def test_it(platform):
    (Path(__file__).parent / "runs").touch()
    while True:
        time.sleep(0.01)
"""


def test_a_run_that_is_interrupted_ends_what_its_workers_have_begun(tmp_path):
    with start(tmp_path, "--workers", "2", waiting=WAITING, good=GOOD) as process:
        bound = Bound()
        while not (tmp_path / "runs").exists():
            assert not bound.over
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)

    assert (process.returncode, "KeyboardInterrupt" in said) == (2, True), said
    assert (tmp_path / "ended").exists()


def test_a_file_that_opens_a_channel_when_it_is_imported_is_refused(tmp_path):
    """Its fork would wait for threads that it does not have."""
    code, said = run(
        tmp_path, "--workers", "2", a='import grpc\nCHANNEL = grpc.insecure_channel("127.0.0.1:1")', b=GOOD
    )

    assert (code, "a test file opens a channel of gRPC" in said, names(tmp_path, "ran-")) == (4, True, []), said
