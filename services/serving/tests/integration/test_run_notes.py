"""Whose run a process has not survived is known to the next one."""

import asyncio
import fcntl
import subprocess
import sys
from pathlib import Path

from fp_serving.adapters import run_notes
from fp_serving.adapters.run_notes import RunNotes

# A process that dies while one version runs in two threads, another one has run, and a third was unloaded.
_DIES = """
import os, signal, sys
from pathlib import Path
from fp_serving.adapters.run_notes import RunNotes

notes = RunNotes(Path(sys.argv[1]))
runs, ran, gone = (notes.place(name) for name in ("v-runs", "v-ran", "v-gone"))
runs.begin(1)
runs.begin(2)
runs.end(2)
ran.begin(0)
ran.end(0)
gone.begin(3)
gone.release()
gone.begin(3)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _die(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", _DIES, str(folder)], check=False)


def _there(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_what_ran_when_its_process_was_killed_is_found_once(tmp_path: Path) -> None:
    await asyncio.to_thread(_die, tmp_path)
    assert RunNotes(tmp_path).left == ("v-runs",)
    assert RunNotes(tmp_path).left == ()


async def test_what_runs_in_a_process_that_lives_or_was_told_to_end_is_not_blamed(tmp_path: Path) -> None:
    living, ended = RunNotes(tmp_path), RunNotes(tmp_path)
    living.place("v-1").begin(0)
    ended.place("v-2").begin(0)
    await ended.close()
    assert RunNotes(tmp_path).left == ()


async def test_a_place_is_given_again_and_nobody_is_blamed_beyond_the_last(tmp_path: Path) -> None:
    notes = RunNotes(tmp_path)
    places = [notes.place(f"v-{number}") for number in range(4_097)]
    for place in places:
        place.begin(63)
    places[0].release()
    notes.place("x" * 65).begin(0)
    again = notes.place("v-new")
    again.begin(1)
    assert notes.memory.find(b"v-new\0") == notes.memory.find(b"v-new")
    assert notes.memory.find(b"v-4096") < 0


async def test_a_process_that_starts_while_another_one_looks_has_its_file(tmp_path: Path, monkeypatch) -> None:
    """The other one looks between the making of the file and its lock."""
    locked = fcntl.flock
    looked = []

    def flock(file, how):
        if how == fcntl.LOCK_EX and not looked:
            looked.append(how)
            assert list(run_notes._left(tmp_path)) == []
            assert _there(tmp_path) == []
        locked(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    notes = RunNotes(tmp_path)
    notes.place("v-1").begin(0)
    assert looked
    assert list(run_notes._left(tmp_path)) == [], "it lives"
    await notes.close()
    assert _there(tmp_path) == []


async def test_two_that_start_at_once_tell_one_end_once(tmp_path: Path, monkeypatch) -> None:
    """The other one reads the file after it was opened, and before it is locked."""
    await asyncio.to_thread(_die, tmp_path)
    locked = fcntl.flock
    found = []

    def flock(file, how):
        if not found:
            found.append("")
            found.extend(run_notes._left(tmp_path))
        locked(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert list(run_notes._left(tmp_path)) == []
    assert found == ["", "v-runs"]
